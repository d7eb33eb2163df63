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
  return truncate(typeof value === 'string' ? value : WRITERS[style](value), maxLength);
}

const WRITERS: Record<'json' | 'python', (value: JsonValue) => string> = {
  json: (value) => JSON.stringify(value),
  python: pythonRepr,
};

/** Cuts between code points, so that no surrogate pair is split. */
function truncate(text: string, maxLength: number): FormattedValue {
  if (text.length <= maxLength) return { text, truncated: false };
  const points = Array.from(text);
  if (points.length <= maxLength) return { text, truncated: false };
  return { text: points.slice(0, maxLength).join(''), truncated: true };
}

function pythonRepr(value: JsonValue): string {
  if (value === null) return 'None';
  if (value === true) return 'True';
  if (value === false) return 'False';
  if (typeof value === 'number') return pythonNumber(value);
  if (typeof value === 'string') return pythonString(value);
  if (isArray(value)) return `[${value.map(pythonRepr).join(', ')}]`;
  const members = Object.entries(value).map(([key, member]) => `${pythonString(key)}: ${pythonRepr(member)}`);
  return `{${members.join(', ')}}`;
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
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

function pythonString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const escaped = text.replace(/[\\\p{C}\p{Zl}\p{Zp}\p{Zs}']/gu, (character) => {
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
