import { types } from 'node:util';
import { MetadataValueError } from '../errors.js';

/** What JSON can carry. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

const MAX_DEPTH = 64;

/**
 * A copy of `value` that holds only JSON. A `Date` becomes its ISO string. Members that are `undefined` are left out.
 * @throws {MetadataValueError} for NaN, ±Infinity, BigInt, function, symbol, Map and other classes, cycles, and
 *   nesting deeper than 64.
 */
export function toJsonValue(value: unknown): JsonValue {
  return copy(value, []);
}

function copy(value: unknown, ancestors: readonly object[]): JsonValue {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      if (!Number.isFinite(value)) throw notJson(String(value));
      return value === 0 ? 0 : value; // JSON has no -0
    case 'object':
      return value === null ? null : copyObject(value, ancestors);
    case 'undefined':
      return null;
    default:
      throw notJson(`a ${typeof value}`);
  }
}

function copyObject(value: object, ancestors: readonly object[]): JsonValue {
  if (types.isDate(value)) return isoString(value);
  if (ancestors.includes(value)) {
    throw new MetadataValueError('VALUE_CYCLIC', 'The value contains itself, which JSON cannot carry.');
  }
  if (ancestors.length >= MAX_DEPTH) {
    throw new MetadataValueError('VALUE_TOO_DEEP', `The value is nested deeper than ${MAX_DEPTH} levels.`);
  }
  const path = [...ancestors, value];
  if (Array.isArray(value)) return Array.from(value, (item) => copy(item, path));
  if (!isPlain(value)) throw notJson(`a ${value.constructor?.name ?? 'class instance'}`);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return Object.fromEntries(members.map(([key, member]) => [key, copy(member, path)]));
}

function isoString(date: Date): string {
  if (Number.isNaN(date.getTime())) throw notJson('an invalid Date');
  return date.toISOString();
}

/** An object literal of this or of another realm, as opposed to a Map, a Buffer or some class. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
}

function notJson(what: string): MetadataValueError {
  return new MetadataValueError(
    'VALUE_NOT_JSON',
    `The value is or contains ${what}, which JSON cannot carry.`,
  );
}
