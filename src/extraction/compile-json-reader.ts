import { InvalidInputError } from '../errors.js';
import { compileLookup } from './extract-metadata.js';
import type { JsonValue } from './json-value.js';
import { invalidJson, parseJson } from './parse-json.js';

/** The values in one document, by key. */
export type JsonReader = (text: string) => ReadonlyMap<string, JsonValue>;

/**
 * For adapters that get task data as text: returns a function that reads the values at the paths of a page out of one
 * document, by key. A key with nothing at its path is left out. A path without segments reads the whole document. Integers keep
 * all their digits, as in `parseJson`. It is faster than `parseJson`, because it looks for long integers only in the values
 * that it returns.
 *
 * The function throws {@link MetadataValueError} with the code `TASK_DATA_UNREADABLE` where `parseJson` does.
 * @throws {InvalidInputError} when the segments of a path are no list. The function throws it when the text is no string.
 * @example
 * const read = compileJsonReader(query.paths);
 * // for each row:
 * const data = { form: 'values', values: read(row.text), exact: true };
 */
export function compileJsonReader(
  paths: readonly { readonly key: string; readonly segments: readonly string[] }[],
): JsonReader {
  const lookups = paths.map(({ key, segments }, index) => {
    if (!Array.isArray(segments))
      throw new InvalidInputError(`paths[${index}]: segments: expected an array of keys`);
    return { key, lookUp: compileLookup(segments) };
  });

  function valuesIn(document: JsonValue): Map<string, JsonValue> {
    const values = new Map<string, JsonValue>();
    for (const { key, lookUp } of lookups) {
      const value = lookUp(document);
      if (value !== undefined) values.set(key, value as JsonValue);
    }
    return values;
  }

  return (text) => {
    const values = valuesIn(parseQuickly(text));
    for (const value of values.values()) if (mayBeInexact(value, 0)) return valuesIn(parseJson(text));
    return values;
  };
}

/** A text that is JSON of a text, and what is no text, are left to parseJson, which knows how to report them. */
function parseQuickly(text: string): JsonValue {
  if (typeof text !== 'string') return parseJson(text);
  let document: JsonValue;
  try {
    document = JSON.parse(text);
  } catch {
    throw invalidJson(text);
  }
  return typeof document === 'string' ? parseJson(text) : document;
}

/** An integer that loses digits always becomes a number beyond the safe ones. What is nested too deep counts as such. */
function mayBeInexact(value: JsonValue, depth: number): boolean {
  if (typeof value === 'number') return !(Math.abs(value) <= Number.MAX_SAFE_INTEGER);
  if (typeof value !== 'object' || value === null) return false;
  if (depth === MAX_DEPTH) return true;
  const members: readonly JsonValue[] = Array.isArray(value) ? value : Object.values(value);
  return members.some((member) => mayBeInexact(member, depth + 1));
}

const MAX_DEPTH = 64;
