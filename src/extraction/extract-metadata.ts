import get from 'lodash.get';
import { isBackfillError, MetadataValueError } from '../errors.js';
import { type ExtractionPath, parsePaths } from './extraction-path.js';
import { type ExtractionOptions, type JsonValue, type JsonValueOptions, toJsonValue } from './json-value.js';

/** One value per key. `null` where the task data has nothing. */
export type Metadata<Key extends string = string> = Record<Key, JsonValue>;

/**
 * Reads the value at each path out of one instance's task data. A key with nothing at its path is `null`.
 * Only own properties and array elements count: `toString` or `length` read nothing.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 * @throws {MetadataValueError} when a value is one that JSON cannot carry, such as NaN or a Map, or is an integer that may have
 *   lost digits. To read those, parse the text with `parseJson` and pass `{ exact: true }`.
 * @example
 * extractMetadata({ invoice: { number: 'INV-7' } }, [{ key: 'invoice_number', path: 'invoice.number' }]);
 * // { invoice_number: 'INV-7' }
 */
export function extractMetadata<const Key extends string>(
  taskData: unknown,
  paths: readonly ExtractionPath<Key>[],
  options: ExtractionOptions = {},
): Metadata<Key> {
  return compileExtractor(paths, options)(taskData);
}

/**
 * `extractMetadata` for many instances: validates and parses the paths once.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 */
export function compileExtractor<const Key extends string>(
  paths: readonly ExtractionPath<Key>[],
  options: ExtractionOptions = {},
): (taskData: unknown) => Metadata<Key> {
  const readers = parsePaths(paths).map(({ key, segments }) => ({ key, read: compilePath(segments) }));
  const empty: Record<string, JsonValue> = Object.fromEntries(readers.map(({ key }) => [key, null]));
  return (taskData) => {
    const metadata = { ...empty };
    for (const { key, read } of readers) metadata[key] = read(taskData, options) ?? null;
    return metadata as Metadata<Key>;
  };
}

/** Reads one path: the JSON value there, or `undefined` where the data has nothing. A JSON null is `null`. */
export type PathReader = (taskData: unknown, options?: JsonValueOptions) => JsonValue | undefined;

/** @returns a reader that throws {@link MetadataValueError} when JSON cannot carry the value, or reading it throws. */
export function compilePath(segments: readonly string[]): PathReader {
  const lookUp = compileLookup(segments);
  return (taskData, options) => {
    try {
      const value = lookUp(taskData);
      if (value === undefined || typeof value === 'string') return value;
      return toJsonValue(value, options);
    } catch (error) {
      if (isBackfillError(error)) throw error;
      throw new MetadataValueError('VALUE_UNREADABLE', `Reading ${segments.join('.')} threw an error.`, {
        cause: error,
      });
    }
  };
}

/**
 * @returns a function that follows a path, and returns what is there as it is, or `undefined`. Without segments, that is the
 *   whole document.
 */
export function compileLookup(segments: readonly string[]): (taskData: unknown) => unknown {
  const steps = segments.map((segment) => ({ segment, isIndex: isArrayIndex(segment) }));
  const last = steps.pop();
  if (last === undefined) return (taskData) => taskData;
  const lastSegment = [last.segment];
  return (taskData) => {
    const holder = ownHolder(taskData, steps, last);
    // Always an array: lodash.get caches every string path that it parses, without a bound.
    return holder === undefined ? undefined : get(holder, lastSegment);
  };
}

interface Step {
  readonly segment: string;
  readonly isIndex: boolean;
}

/** As JavaScript has it: `'0'`, but not `'00'`, nor a number beyond the longest array. */
function isArrayIndex(segment: string): boolean {
  return /^(?:0|[1-9]\d*)$/.test(segment) && Number(segment) < 2 ** 32 - 1;
}

/**
 * lodash.get follows inherited properties, too. A value counts only if every step is an own property.
 * @returns the object or array that holds the last step.
 */
function ownHolder(data: unknown, steps: readonly Step[], last: Step): object | undefined {
  let current = data;
  for (const step of steps) {
    if (!holds(current, step)) return undefined;
    current = current[step.segment];
  }
  return holds(current, last) ? current : undefined;
}

function holds(data: unknown, { segment, isIndex }: Step): data is Record<string, unknown> {
  if (typeof data !== 'object' || data === null) return false;
  return (isIndex || !Array.isArray(data)) && Object.hasOwn(data, segment);
}
