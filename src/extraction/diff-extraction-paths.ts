import { InvalidExtractionPathsError } from '../errors.js';
import { type ExtractionPath, parsePaths, splitPath, textOfPath } from './extraction-path.js';

/** A key whose path has changed. */
export interface ChangedPath {
  readonly key: string;
  readonly before: ExtractionPath;
  readonly after: ExtractionPath;
}

/** What a model update did to the extraction paths, in the order of `after` (`removed`: of `before`). */
export interface ExtractionPathDiff {
  readonly added: readonly ExtractionPath[];
  readonly removed: readonly ExtractionPath[];
  readonly unchanged: readonly ExtractionPath[];
  readonly changed: readonly ChangedPath[];
}

/**
 * Compares the extraction paths of a model before and after an update, by key. Spellings of one path are equal.
 * `before` is history: of duplicate keys the last one counts, and entries that cannot be used are ignored.
 * @throws {InvalidExtractionPathsError} when `after` has a problem.
 */
export function diffExtractionPaths(
  before: readonly ExtractionPath[] | null | undefined,
  after: readonly ExtractionPath[] | null | undefined,
): ExtractionPathDiff {
  const old = usableByKey(before ?? []);
  const current = after ?? [];
  parsePaths(current);
  const currentKeys = new Set(current.map(({ key }) => key));

  const diff = { added: [], unchanged: [], changed: [] } as {
    added: ExtractionPath[];
    unchanged: ExtractionPath[];
    changed: ChangedPath[];
  };
  for (const path of current) {
    const previous = old.get(path.key);
    if (previous === undefined) diff.added.push(path);
    else if (isSamePath(previous, path)) diff.unchanged.push(path);
    else diff.changed.push({ key: path.key, before: previous, after: path });
  }
  return {
    ...diff,
    removed: [...old.values()].filter(({ key }) => !currentKeys.has(key)),
  };
}

function usableByKey(paths: readonly ExtractionPath[]): Map<string, ExtractionPath> {
  if (!Array.isArray(paths))
    throw new InvalidExtractionPathsError([`before: expected an array, got ${typeof paths}`]);
  const byKey = new Map<string, ExtractionPath>();
  for (const path of paths.filter(isUsable)) {
    byKey.delete(path.key); // so that the last duplicate decides the order, too
    byKey.set(path.key, path);
  }
  return byKey;
}

function isUsable(entry: unknown): entry is ExtractionPath {
  if (typeof entry !== 'object' || entry === null) return false;
  const { key, path } = entry as Partial<ExtractionPath>;
  if (typeof key !== 'string' || key.trim() === '') return false;
  return (textOfPath(path) ?? '').trim() !== '';
}

function isSamePath(a: ExtractionPath, b: ExtractionPath): boolean {
  return JSON.stringify(splitPath(a.path)) === JSON.stringify(splitPath(b.path));
}
