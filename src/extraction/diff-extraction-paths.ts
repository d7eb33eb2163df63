import { InvalidExtractionPathsError } from '../errors.js';
import {
  type ExtractionPath,
  findProblems,
  isPathLike,
  type KeyLimit,
  refuse,
  splitPath,
} from './extraction-path.js';

/** A key whose path has changed. */
export interface ChangedPath {
  readonly key: string;
  readonly before: ExtractionPath;
  readonly after: ExtractionPath;
}

/** A removed and an added key with the same path: perhaps one key with a new name. */
export interface PossibleRename {
  readonly from: string;
  readonly to: string;
  /** As `after` writes it. */
  readonly path: ExtractionPath['path'];
}

/** An entry that cannot be used, but was there before the update. */
export interface UnusablePath extends ExtractionPath {
  /** What is wrong with it, and what to write instead. */
  readonly problem: string;
}

/** What a model update did to the extraction paths, in the order of `after` (`removed`: of `before`). */
export interface ExtractionPathDiff {
  readonly added: readonly ExtractionPath[];
  readonly removed: readonly ExtractionPath[];
  readonly unchanged: readonly ExtractionPath[];
  readonly changed: readonly ChangedPath[];
  /** A hint only: `from` is in `removed`, and `to` in `added`. */
  readonly possibleRenames: readonly PossibleRename[];
  /** In no other list, and no run reads them. They are reported rather than refused, so that an old model can be saved. */
  readonly unusable: readonly UnusablePath[];
}

/**
 * Compares the extraction paths of a model before and after an update, by key. Spellings of one path are equal.
 * In `before`, the last of duplicate keys counts, and entries that cannot be used are ignored.
 * @throws {InvalidExtractionPathsError} when `after` has a duplicate key, or a bad entry that is new: one that
 * cannot be read or, like a NUL, not be stored.
 */
export function diffExtractionPaths(
  before: readonly ExtractionPath[] | null | undefined,
  after: readonly ExtractionPath[] | null | undefined,
  limit: KeyLimit = {},
): ExtractionPathDiff {
  const history = comparable(before ?? []);
  const current = after ?? [];
  const unusable = unusableOf(current, new Set(history.map(identity)), limit);
  const old = lastByKey(history.filter(isUsable));
  const currentKeys = new Set(current.map(({ key }) => key));

  const added: ExtractionPath[] = [];
  const unchanged: ExtractionPath[] = [];
  const changed: ChangedPath[] = [];
  for (const [index, path] of current.entries()) {
    if (unusable.has(index)) continue;
    const previous = old.get(path.key);
    if (previous === undefined) added.push(path);
    else if (spelling(previous) === spelling(path)) unchanged.push(path);
    else changed.push({ key: path.key, before: previous, after: path });
  }
  const removed = [...old.values()].filter(({ key }) => !currentKeys.has(key));
  return {
    added,
    removed,
    unchanged,
    changed,
    possibleRenames: possibleRenames(removed, added),
    unusable: [...unusable.values()],
  };
}

/**
 * The entries that cannot be used but were there before, by index.
 * @throws {InvalidExtractionPathsError} naming every other problem.
 */
function unusableOf(
  current: readonly ExtractionPath[],
  wasThere: ReadonlySet<string>,
  limit: KeyLimit,
): Map<number, UnusablePath> {
  const unusable = new Map<number, UnusablePath>();
  const isKnown = (entry: unknown) => isComparable(entry) && wasThere.has(identity(entry));
  const refused = findProblems(current, { ...limit, isKept: true }).filter(({ index, text, isDuplicate }) => {
    const entry = current[index];
    if (entry === undefined || isDuplicate || !isKnown(entry)) return true;
    const { key, path } = entry;
    const other = unusable.get(index);
    unusable.set(index, { key, path, problem: other === undefined ? text : `${other.problem}; ${text}` });
    return false;
  });
  refuse(refused);
  return unusable;
}

function comparable(paths: readonly ExtractionPath[]): ExtractionPath[] {
  if (!Array.isArray(paths)) {
    throw new InvalidExtractionPathsError([`before: expected an array, got ${typeof paths}`]);
  }
  return paths.filter(isComparable);
}

function isComparable(entry: unknown): entry is ExtractionPath {
  if (typeof entry !== 'object' || entry === null) return false;
  const { key, path } = entry as Partial<ExtractionPath>;
  return typeof key === 'string' && isPathLike(path);
}

function isUsable({ key, path }: ExtractionPath): boolean {
  return key.trim() !== '' && (splitPath(path) ?? []).length > 0;
}

function lastByKey(paths: readonly ExtractionPath[]): Map<string, ExtractionPath> {
  const byKey = new Map<string, ExtractionPath>();
  for (const path of paths) {
    byKey.delete(path.key); // so that the last duplicate decides the order, too
    byKey.set(path.key, path);
  }
  return byKey;
}

function possibleRenames(
  removed: readonly ExtractionPath[],
  added: readonly ExtractionPath[],
): PossibleRename[] {
  return added.flatMap((path) => {
    const same = removed.filter((old) => spelling(old) === spelling(path));
    return same.map(({ key }) => ({ from: key, to: path.key, path: path.path }));
  });
}

/** The same for every spelling of one path. A text that is no path stands for itself. */
function spelling({ path }: ExtractionPath): string {
  return JSON.stringify(splitPath(path) ?? path);
}

function identity(path: ExtractionPath): string {
  return JSON.stringify([path.key, spelling(path)]);
}
