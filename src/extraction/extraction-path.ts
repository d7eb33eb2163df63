import { InvalidExtractionPathsError } from '../errors.js';
import { explainPathText } from './explain-path-text.js';
import { parsePathText } from './parse-path-text.js';

/** Reads the value at `path` in the task data and stores it under `key`. */
export interface ExtractionPath<Key extends string = string> {
  readonly key: Key;
  /**
   * Keys and indices with dots between them: `invoice.number`, `items[0].sku` or `items.0.sku`, `[0].sku` for a list,
   * `customer["e.mail"]`. Or a list of segments, which may be any text: `['customer', 'e.mail']`.
   */
  readonly path: string | readonly string[];
}

/** An extraction path split into the keys and indices to follow. */
export interface ParsedPath<Key extends string = string> {
  readonly key: Key;
  readonly segments: readonly string[];
}

/** What the key column can hold. */
export interface KeyLimit {
  /** The most characters of a key, counted in Unicode code points. @default no limit */
  readonly maxKeyLength?: number | undefined;
}

/** What the paths are for. */
export interface PathUse extends KeyLimit {
  /** Whether a model or a run keeps them. */
  readonly isKept?: boolean;
}

/** What is wrong with the path at `index`, and what to write instead. */
export interface PathProblem {
  readonly index: number;
  readonly text: string;
  /** The path itself is fine, but its key is used twice. */
  readonly isDuplicate: boolean;
}

const MAX_LENGTH = 512;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const CONTROL_CHARACTER = /[\u0000-\u001f\u007f-\u009f]/;
const LONE_SURROGATE = /\p{Surrogate}/u;

/**
 * Validates paths and splits each into segments.
 * @throws {InvalidExtractionPathsError} naming every problem with the index of its path.
 */
export function parsePaths<Key extends string>(
  paths: readonly ExtractionPath<Key>[],
  limit: KeyLimit = {},
): ParsedPath<Key>[] {
  refuse(findProblems(paths, limit));
  return paths.map(({ key, path }) => ({ key, segments: splitPath(path) ?? [] }));
}

/** @throws {InvalidExtractionPathsError} when there is a problem. */
export function refuse(problems: readonly PathProblem[]): void {
  if (problems.length === 0) return;
  throw new InvalidExtractionPathsError(problems.map(({ index, text }) => `[${index}]: ${text}`));
}

/** `null` for a text that is no path. */
export function splitPath(path: string | readonly string[]): readonly string[] | null {
  return typeof path === 'string' ? parsePathText(path) : [...path];
}

/** Whether it is a text or a list of texts. */
export function isPathLike(path: unknown): path is string | readonly string[] {
  if (!Array.isArray(path)) return typeof path === 'string';
  return Array.from(path).every((segment) => typeof segment === 'string'); // `every` alone would skip a hole
}

/** @throws {InvalidExtractionPathsError} when `paths` is no list. */
export function findProblems(paths: unknown, { maxKeyLength, isKept = false }: PathUse): PathProblem[] {
  if (!Array.isArray(paths)) {
    throw new InvalidExtractionPathsError([`expected an array of { key, path }, got ${typeName(paths)}`]);
  }
  const firstIndex = new Map<string, number>();
  return Array.from(paths as unknown[]).flatMap((entry, index) => {
    const problem = (text: string | null, isDuplicate = false): PathProblem[] =>
      text === null ? [] : [{ index, text, isDuplicate }];
    if (!isEntry(entry)) return problem(`expected { key, path }, got ${typeName(entry)}`);
    const { key, path } = entry;
    const problems = [...problem(keyProblem(key, maxKeyLength)), ...problem(pathProblem(path, isKept))];
    if (typeof key !== 'string') return problems;
    const first = firstIndex.get(key);
    if (first !== undefined) {
      return [
        ...problems,
        ...problem(`key ${excerpt(key)} is already used by [${first}]; write another key`, true),
      ];
    }
    firstIndex.set(key, index);
    return problems;
  });
}

function typeName(value: unknown): string {
  return value === null ? 'null' : typeof value;
}

function isEntry(entry: unknown): entry is { key?: unknown; path?: unknown } {
  return typeof entry === 'object' && entry !== null;
}

function keyProblem(key: unknown, maxKeyLength: number = Number.POSITIVE_INFINITY): string | null {
  if (typeof key !== 'string') return `key: expected a string, got ${typeof key}`;
  if (key.trim() === '') return 'key: expected a name, got a blank string';
  if (key.length > MAX_LENGTH) return `key: expected at most ${MAX_LENGTH} characters, got ${key.length}`;
  if (CONTROL_CHARACTER.test(key)) return `key: expected no control characters, got ${JSON.stringify(key)}`;
  if (LONE_SURROGATE.test(key)) {
    return `key: expected whole characters, got half of a surrogate pair in ${JSON.stringify(key)}`;
  }
  const length = Array.from(key).length;
  if (length > maxKeyLength) {
    return `key: expected at most ${maxKeyLength} characters, which is what the repository can store, got ${length} in ${JSON.stringify(key)}`;
  }
  return null;
}

function pathProblem(path: unknown, isKept: boolean): string | null {
  if (!isPathLike(path)) {
    return `path: expected a string or an array of strings, got ${Array.isArray(path) ? 'an array with other members' : typeof path}`;
  }
  const text = typeof path === 'string' ? path : path.join('.');
  if (typeof path === 'string' ? text.trim() === '' : path.length === 0) {
    return 'path: expected at least one key, got a blank path';
  }
  if (text.length > MAX_LENGTH) return `path: expected at most ${MAX_LENGTH} characters, got ${text.length}`;
  const segments = splitPath(path);
  if (segments === null) return `path: ${explainPathText(text)}`;
  return isKept ? unkeptProblem(segments) : null;
}

/** Why databases refuse to keep a path that could be read. `null`: they do not. */
export function unkeptProblem(segments: readonly string[]): string | null {
  if (!segments.some((segment) => segment.includes('\0') || LONE_SURROGATE.test(segment))) return null;
  return `path: expected a text without NUL and without half of a surrogate pair, got ${JSON.stringify(segments.join('.'))}`;
}

function excerpt(key: string): string {
  return JSON.stringify(key.length > MAX_LENGTH ? `${key.slice(0, MAX_LENGTH)}…` : key);
}
