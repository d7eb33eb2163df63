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

export interface ExtractionOptions {
  /**
   * The data comes from `parseJson`, which keeps as a string every integer whose digits JavaScript would not write back
   * unchanged. Without this, an integer beyond ±9007199254740991 fails.
   * @default false
   */
  readonly exact?: boolean | undefined;
}

export interface JsonValueOptions extends ExtractionOptions {
  /** Whether what is JSON already is handed on as it is, instead of a copy. @default false */
  readonly shares?: boolean | undefined;
}

const MAX_DEPTH = 64;
const MAX_REPEATED = 1_000_000;

/**
 * `value` as plain JSON: a copy, or with `shares` the value itself if it is JSON. A `Date` becomes its ISO string. Members
 * that are `undefined` are left out.
 * @throws {MetadataValueError} for NaN, ±Infinity, BigInt, function, symbol, Map and other classes, cycles, nesting deeper
 *   than 64, integers beyond ±9007199254740991 unless they are exact, and objects that are shared so often that their
 *   repetition takes more than a million characters.
 */
export function toJsonValue(value: unknown, options?: JsonValueOptions): JsonValue {
  const exact = options?.exact === true;
  const shares = options?.shares === true;
  if (typeof value === 'number') return checkNumber(value, exact); // most values are scalars
  return copy(value, { exact, shares, ancestors: [], length: 0, seen: null, isRepeated: false, repeated: 0 });
}

interface Copying {
  readonly exact: boolean;
  readonly shares: boolean;
  /** The objects around the value, from the outermost on. */
  readonly ancestors: object[];
  /** Characters so far, at the least. */
  length: number;
  /** Objects that were copied after the first {@link MAX_REPEATED} characters. Those few may all be repeated. */
  seen: Set<object> | null;
  /** Whether this value is in an object that was copied before. */
  isRepeated: boolean;
  /** Characters that were. */
  repeated: number;
}

function copy(value: unknown, copying: Copying): JsonValue {
  switch (typeof value) {
    case 'string':
      count(value.length, copying);
      return value;
    case 'boolean':
      return value;
    case 'number':
      return checkNumber(value, copying.exact);
    case 'object':
      return value === null ? null : copyObject(value, copying);
    case 'undefined':
      return null;
    default:
      throw notJson(`a ${typeof value}`);
  }
}

const TOO_LARGE = ' JavaScript reads a number beyond ±1.8e308 as Infinity.';

function checkNumber(value: number, exact: boolean): number {
  if (!Number.isFinite(value)) throw notJson(String(value), Number.isNaN(value) ? '' : TOO_LARGE);
  if (!exact && Math.abs(value) > Number.MAX_SAFE_INTEGER && Number.isInteger(value)) {
    throw new MetadataValueError(
      'VALUE_UNSAFE_INTEGER',
      `The value is or contains an integer beyond ±${Number.MAX_SAFE_INTEGER}, which may have lost its last digits. Hand over the JSON text as the database has it ({ form: 'json', text }), not JSON.stringify of this document. Or parse that text with parseJson, and say so (exact: true).`,
    );
  }
  return value === 0 ? 0 : value; // JSON has no -0
}

function copyObject(value: object, copying: Copying): JsonValue {
  if (types.isDate(value)) return isoString(value);
  const { ancestors, isRepeated } = copying;
  if (ancestors.includes(value)) {
    throw new MetadataValueError('VALUE_CYCLIC', 'The value contains itself, which JSON cannot carry.');
  }
  if (ancestors.length >= MAX_DEPTH) {
    throw new MetadataValueError('VALUE_TOO_DEEP', `The value is nested deeper than ${MAX_DEPTH} levels.`);
  }
  ancestors.push(value);
  noteRepetition(value, copying);
  const copied = Array.isArray(value) ? copyArray(value, copying) : copyMembers(value, copying);
  copying.isRepeated = isRepeated;
  ancestors.pop();
  return copied;
}

function copyArray(value: readonly unknown[], copying: Copying): JsonValue {
  count(value.length + 2, copying);
  let copied: JsonValue[] | null = maybeShared(value, copying) ? null : [];
  for (let index = 0; index < value.length; index += 1) {
    const found = value[index];
    const item = copy(found, copying);
    if (copied === null && !Object.is(item, found)) copied = value.slice(0, index) as JsonValue[];
    copied?.push(item);
  }
  return copied ?? (value as readonly JsonValue[]);
}

function copyMembers(value: object, copying: Copying): JsonValue {
  if (!isPlain(value)) throw notJson(`a ${value.constructor?.name ?? 'class instance'}`);
  count(2, copying);
  const members = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(members);
  let copied: [string, JsonValue][] | null = maybeShared(value, copying) ? null : [];
  for (const [index, name] of names.entries()) {
    const found = members[name];
    const member = found === undefined ? undefined : copyMember(name, found, copying);
    if (copied === null && (member === undefined || !Object.is(member, found)))
      copied = names.slice(0, index).map((earlier) => [earlier, members[earlier] as JsonValue]);
    if (member !== undefined) copied?.push([name, member]);
  }
  return copied === null ? (value as JsonValue) : Object.fromEntries(copied);
}

/** An object with another prototype, or with members that JSON does not carry, would never equal the stored value. */
function maybeShared(value: object, { shares }: Copying): boolean {
  if (!shares || types.isProxy(value) || Object.getOwnPropertySymbols(value).length > 0) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (!Array.isArray(value)) return prototype === Object.prototype;
  const isShort = value.length <= MOST_NAMES; // to list the names of a long list takes longer than to copy it
  return prototype === Array.prototype && isShort && Object.keys(value).length === value.length;
}

const MOST_NAMES = 1_000;

function copyMember(name: string, member: unknown, copying: Copying): JsonValue {
  count(name.length + 4, copying);
  return copy(member, copying);
}

/** An object is shared when several others hold it. Written as JSON, it is there several times, and so is all it shares. */
function noteRepetition(value: object, copying: Copying): void {
  if (copying.length < MAX_REPEATED) return;
  copying.seen ??= new Set();
  if (copying.seen.has(value)) copying.isRepeated = true;
  else copying.seen.add(value);
}

function count(characters: number, copying: Copying): void {
  copying.length += characters;
  if (!copying.isRepeated) return;
  copying.repeated += characters;
  if (copying.repeated <= MAX_REPEATED) return;
  throw new MetadataValueError(
    'VALUE_TOO_LARGE',
    `The value holds some objects so often that to repeat them takes more than ${MAX_REPEATED} characters. Extract a part of it.`,
  );
}

function isoString(date: Date): string {
  if (Number.isNaN(date.getTime())) throw notJson('an invalid Date');
  return date.toISOString();
}

/** An object literal of this or of another realm, as opposed to a Map, a Buffer or some class. */
export function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (typeof prototype === 'object' && Object.getPrototypeOf(prototype) === null);
}

function notJson(what: string, hint = ''): MetadataValueError {
  return new MetadataValueError(
    'VALUE_NOT_JSON',
    `The value is or contains ${what}, which JSON cannot carry.${hint}`,
  );
}
