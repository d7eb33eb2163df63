import get from 'lodash.get';
import { isBackfillError, MetadataValueError } from '../errors.js';
import { type ExtractionPath, parsePaths } from './extraction-path.js';
import { type JsonValue, toJsonValue } from './json-value.js';

/** One value a key; `null` where the task data has nothing. */
export type Metadata<Key extends string = string> = Record<Key, JsonValue>;

/**
 * Reads the value at each path out of one instance's task data; a key with nothing there is `null`.
 * Only own properties and array elements count: `toString` or `length` read nothing.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 * @throws {MetadataValueError} when a value is one that JSON cannot carry, such as NaN or a Map.
 * @example
 * extractMetadata({ invoice: { number: 'INV-7' } }, [{ key: 'invoice_number', path: 'invoice.number' }]);
 * // { invoice_number: 'INV-7' }
 */
export function extractMetadata<const Key extends string>(
  taskData: unknown,
  paths: readonly ExtractionPath<Key>[],
): Metadata<Key> {
  return compileExtractor(paths)(taskData);
}

/**
 * `extractMetadata` for many instances: validates and parses the paths once.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 */
export function compileExtractor<const Key extends string>(
  paths: readonly ExtractionPath<Key>[],
): (taskData: unknown) => Metadata<Key> {
  const parsed = parsePaths(paths);
  return (taskData) =>
    // fromEntries defines properties, so that a key `__proto__` is one like any other
    Object.fromEntries(
      parsed.map(({ key, segments }) => [key, readPath(taskData, segments) ?? null]),
    ) as Metadata<Key>;
}

/**
 * The JSON value at `segments`, or `undefined` where the data has none (a JSON null is `null`).
 * @throws {MetadataValueError} when JSON cannot carry what is there, or it cannot be read at all.
 */
export function readPath(taskData: unknown, segments: readonly string[]): JsonValue | undefined {
  try {
    if (!isOwnPath(taskData, segments)) return undefined;
    // Always an array: lodash.get caches every string path that it parses, without a bound.
    const value: unknown = get(taskData, segments);
    return value === undefined ? undefined : toJsonValue(value);
  } catch (error) {
    if (isBackfillError(error)) throw error;
    throw new MetadataValueError('VALUE_UNREADABLE', `Reading ${segments.join('.')} threw an error.`, {
      cause: error,
    });
  }
}

/** lodash.get follows inherited properties too; a value counts only if the data itself holds every step. */
function isOwnPath(data: unknown, segments: readonly string[]): boolean {
  let current = data;
  for (const segment of segments) {
    if (typeof current !== 'object' || current === null) return false;
    if (Array.isArray(current) && !ARRAY_INDEX.test(segment)) return false;
    if (!Object.hasOwn(current, segment)) return false;
    current = (current as Record<string, unknown>)[segment];
  }
  return true;
}

const ARRAY_INDEX = /^(?:0|[1-9]\d*)$/;
