import { InvalidInputError } from '../errors.js';
import type { JsonValue } from './json-value.js';

export interface FormatOptions {
  /** The most characters the column takes, counted in Unicode code points. @default no limit */
  readonly maxLength?: number;
  /** How a value other than a string is written. `python`: as Python's `str(value)`: `True`, `None`, `{'a': 1}`. @default 'json' */
  readonly style?: 'json' | 'python';
}

/** A value as text, and whether it was cut. */
export interface FormattedValue {
  readonly text: string;
  readonly truncated: boolean;
}

/**
 * Writes a metadata value as text, for a repository whose column holds text. A string stays as it is.
 * @throws {InvalidInputError} when an option is not one of the above.
 */
export function formatMetadataValue(value: JsonValue, options: FormatOptions = {}): FormattedValue {
  const { maxLength = Number.POSITIVE_INFINITY, style = 'json' } = options;
  if (maxLength !== Number.POSITIVE_INFINITY && !(Number.isInteger(maxLength) && maxLength >= 1)) {
    throw new InvalidInputError(`maxLength: expected a positive integer, got ${String(maxLength)}`);
  }
  if (style !== 'json' && style !== 'python') {
    throw new InvalidInputError(`style: expected 'json' or 'python', got ${String(style)}`);
  }
  return truncate(typeof value === 'string' ? value : textOf(value, style, maxLength), maxLength);
}

/** Cuts between code points, so that no surrogate pair is split. Looks at no more of the text than that takes. */
function truncate(text: string, maxLength: number): FormattedValue {
  if (text.length <= maxLength) return { text, truncated: false };
  let end = 0;
  for (let points = 0; points < maxLength && end < text.length; points += 1) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  if (end === text.length) return { text, truncated: false };
  // Copied, because a slice keeps the whole text in memory.
  return { text: structuredClone(text.slice(0, end)), truncated: true };
}

/** How a style writes what is no list and no object. */
interface Style {
  readonly comma: string;
  readonly colon: string;
  scalar(value: number | boolean | null): string;
  /** At least the first `length` UTF-16 units of what the whole string is written as. */
  string(text: string, length: number): string;
}

const STYLES: Readonly<Record<'json' | 'python', Style>> = {
  json: {
    comma: ',',
    colon: ':',
    scalar: (value) => JSON.stringify(value),
    string: (text, length) => JSON.stringify(text.slice(0, length)),
  },
  python: { comma: ', ', colon: ': ', scalar: pythonScalar, string: pythonString },
};

/** The value as text, or as much of it as has more than `maxLength` code points: a large value is not written whole. */
function textOf(value: Exclude<JsonValue, string>, styleName: 'json' | 'python', maxLength: number): string {
  if (styleName === 'json' && maxLength === Number.POSITIVE_INFINITY) return JSON.stringify(value);
  const style = STYLES[styleName];
  if (value === null || typeof value !== 'object') return style.scalar(value);
  const enough = 2 * maxLength + 1; // a code point has one or two UTF-16 units
  let text = '';

  function append(part: JsonValue): void {
    if (typeof part === 'string') text += style.string(part, Math.max(0, enough - text.length));
    else if (part === null || typeof part !== 'object') text += style.scalar(part);
    else if (isArray(part)) appendItems(part);
    else if (typeof part.toJSON === 'function') append(Reflect.apply(part.toJSON, part, []) as JsonValue);
    else appendMembers(part);
  }

  function appendItems(items: readonly JsonValue[]): void {
    text += '[';
    for (const [index, item] of items.entries()) {
      if (text.length >= enough) return;
      if (index > 0) text += style.comma;
      append(item ?? null);
    }
    text += ']';
  }

  function appendMembers(members: Readonly<Record<string, JsonValue>>): void {
    text += '{';
    let isFirst = true;
    for (const key of Object.keys(members)) {
      if (text.length >= enough) return;
      const member = members[key];
      if (member === undefined) continue;
      if (!isFirst) text += style.comma;
      isFirst = false;
      append(key);
      text += style.colon;
      append(member);
    }
    text += '}';
  }

  append(value);
  return text;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function pythonScalar(value: number | boolean | null): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  return value === false ? 'False' : pythonNumber(value);
}

/** Python writes fractions below 0.0001 with an exponent of two digits, JavaScript only from 1e-7 on with one. */
function pythonNumber(value: number): string {
  const text = value !== 0 && Math.abs(value) < 1e-4 ? value.toExponential() : String(value);
  return text.replace(/e([+-])(\d)$/, 'e$10$2');
}

const PYTHON_ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

function pythonString(text: string, length: number): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.slice(0, length).replace(/[\\\p{C}\p{Zl}\p{Zp}\p{Zs}']/gu, (character) => {
    if (character === ' ') return character;
    if (character === "'") return quote === "'" ? "\\'" : character;
    return PYTHON_ESCAPES[character] ?? pythonCodePoint(character.codePointAt(0) ?? 0);
  });
  return quote + escaped + quote;
}

function pythonCodePoint(point: number): string {
  const hex = point.toString(16);
  if (point < 0x100) return `\\x${hex.padStart(2, '0')}`;
  return point < 0x10000 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
