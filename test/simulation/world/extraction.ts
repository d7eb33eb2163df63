import type { JsonValue } from '../../../src/extraction/json-value.js';

/** The value at `segments`, or `undefined` if there is none. Only for the plain data of a simulated world. */
export function valueAt(data: JsonValue, segments: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = data;
  for (const segment of segments) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, segment)) return undefined;
    value = (value as Readonly<Record<string, JsonValue>>)[segment];
  }
  return value;
}
