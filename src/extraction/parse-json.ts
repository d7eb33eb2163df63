import { InvalidInputError, MetadataValueError } from '../errors.js';
import type { JsonValue } from './json-value.js';
import { createStringTracker, quoteInexactIntegers, standsAlone } from './quote-inexact-integers.js';

/**
 * Like JSON.parse, but an integer (no point, no exponent) whose digits JavaScript would not write back unchanged becomes a
 * string of its digits, at any depth. For adapters that parse task data themselves.
 * @throws {MetadataValueError} with the code `TASK_DATA_UNREADABLE` for text that is not JSON, and for JSON that was encoded
 *   twice. The message says what is wrong and never quotes the text.
 * @example
 * parseJson('{ "id": 3544790567247868102, "size": 12 }');
 * // { id: '3544790567247868102', size: 12 }
 */
export function parseJson(text: string): JsonValue {
  if (typeof text !== 'string') throw new InvalidInputError(`text: expected a string, got ${typeof text}`);
  const exact = quoteInexactIntegers(text);
  let value: JsonValue;
  try {
    value = JSON.parse(exact);
  } catch {
    throw invalidJson(text);
  }
  if (typeof value === 'string' && isEncodedAgain(value)) {
    throw unreadable(
      'the task data is JSON that was encoded twice, a string that holds the JSON of an object or a list. Store that JSON itself, or decode it once in the repository',
    );
  }
  return value;
}

/** In place of the error of JSON.parse, which quotes the data: they do not belong in a log. */
export function invalidJson(text: string): MetadataValueError {
  return unreadable(`the task data is not valid JSON${hintAt(text)}`);
}

function unreadable(reason: string): MetadataValueError {
  return new MetadataValueError('TASK_DATA_UNREADABLE', reason);
}

/** What to fix, where that is known. */
function hintAt(text: string): string {
  if (/^[\t\n\r ]*\ufeff/.test(text)) {
    return ': it begins with a byte order mark (U+FEFF). Remove it where the data is stored, or in the repository';
  }
  const constant = bareConstant(text);
  return constant === null
    ? ''
    : `: it has a bare ${constant}, which JSON does not know. Write null or a string instead (in Python, json.dumps with allow_nan=False refuses it)`;
}

/** The first NaN, Infinity or -Infinity that stands where a value may stand, as Python writes them. */
function bareConstant(text: string): string | null {
  const isInString = createStringTracker(text);
  for (const { 0: constant, index } of text.matchAll(/NaN|-?Infinity/g)) {
    if (standsAlone(text, index, index + constant.length) && !isInString(index)) return constant;
  }
  return null;
}

/** Whether a string is itself the JSON of an object, a list, or another such string. */
function isEncodedAgain(text: string): boolean {
  const json = text.replace(/^\ufeff/, '');
  if (!/^[\t\n\r ]*["[{]/.test(json)) return false;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'string' ? isEncodedAgain(value) : true;
  } catch {
    return bareConstant(json) !== null;
  }
}
