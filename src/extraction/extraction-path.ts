import { InvalidExtractionPathsError } from '../errors.js';

/** Reads the value at `path` in the task data and stores it under `key`. */
export interface ExtractionPath<Key extends string = string> {
  readonly key: Key;
  /** Dotted, with array indices as `items[0]` or `items.0`. Or a list of segments, which may contain dots. */
  readonly path: string | readonly string[];
}

/** An extraction path split into the keys and indices to follow. */
export interface ParsedPath<Key extends string = string> {
  readonly key: Key;
  readonly segments: readonly string[];
}

const MAX_LENGTH = 512;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const NAME_WITH_INDICES = /^([^[\]]+)((?:\[(?:0|[1-9]\d*)\])+)$/;

/**
 * Validates paths and splits each into segments.
 * @throws {InvalidExtractionPathsError} naming every problem with the index of its path.
 */
export function parsePaths<Key extends string>(paths: readonly ExtractionPath<Key>[]): ParsedPath<Key>[] {
  const problems = problemsOf(paths);
  if (problems.length > 0) throw new InvalidExtractionPathsError(problems);
  return paths.map(({ key, path }) => ({ key, segments: splitPath(path) }));
}

/** `a.b[0]` → `['a', 'b', '0']`. Only `name[0][1]` has indices, any other bracket is part of the name. */
export function splitPath(path: string | readonly string[]): readonly string[] {
  if (typeof path !== 'string') return [...path];
  return path.split('.').flatMap((part) => {
    const [, name, indices] = NAME_WITH_INDICES.exec(part) ?? [];
    return name === undefined || indices === undefined ? [part] : [name, ...indices.slice(1, -1).split('][')];
  });
}

/** The path as one text, segments joined by dots. `null` for what cannot be a path. */
export function textOfPath(path: unknown): string | null {
  if (typeof path === 'string') return path;
  if (!Array.isArray(path)) return null;
  const segments: unknown[] = Array.from(path); // a hole becomes undefined, `every` would skip it
  return segments.every((segment) => typeof segment === 'string') ? segments.join('.') : null;
}

function problemsOf(paths: unknown): string[] {
  if (!Array.isArray(paths))
    return [`expected an array of { key, path }, got ${paths === null ? 'null' : typeof paths}`];
  const firstIndex = new Map<string, number>();
  return Array.from(paths as unknown[]).flatMap((entry, index) => {
    if (!isEntry(entry))
      return [`[${index}]: expected { key, path }, got ${entry === null ? 'null' : typeof entry}`];
    const problems = [keyProblem(entry.key), pathProblem(entry.path)].filter((problem) => problem !== null);
    if (typeof entry.key === 'string') {
      const first = firstIndex.get(entry.key);
      if (first === undefined) firstIndex.set(entry.key, index);
      else problems.push(`key ${JSON.stringify(entry.key)} is already used by [${first}]`);
    }
    return problems.map((problem) => `[${index}]: ${problem}`);
  });
}

function isEntry(entry: unknown): entry is { key?: unknown; path?: unknown } {
  return typeof entry === 'object' && entry !== null;
}

function keyProblem(key: unknown): string | null {
  if (typeof key !== 'string') return `key: expected a string, got ${typeof key}`;
  if (key.trim() === '') return 'key: expected a name, got a blank string';
  if (key.length > MAX_LENGTH) return `key: expected at most ${MAX_LENGTH} characters, got ${key.length}`;
  if (CONTROL_CHARACTER.test(key)) return `key: expected no control characters, got ${JSON.stringify(key)}`;
  return null;
}

function pathProblem(path: unknown): string | null {
  const text = textOfPath(path);
  if (text === null) {
    return `path: expected a string or an array of strings, got ${Array.isArray(path) ? 'an array with other members' : typeof path}`;
  }
  if (text.trim() === '') return 'path: expected at least one key, got a blank path';
  if (text.length > MAX_LENGTH) return `path: expected at most ${MAX_LENGTH} characters, got ${text.length}`;
  return null;
}
