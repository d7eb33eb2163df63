import { Buffer } from 'node:buffer';

/**
 * `text` with quotes around each integer of JSON (no point, no exponent) that does not survive as a number: `9007199254740993`
 * becomes `"9007199254740993"`. Without such an integer, and in text that is not JSON, nothing changes that JSON.parse minds.
 */
export function quoteInexactIntegers(text: string): string {
  const found = findLongDigits(text);
  if (found.length === 0) return text;
  const isInString = createStringTracker(text);
  const pieces: string[] = [];
  let copied = 0;
  for (const { start: digits, end } of found) {
    const start = text[digits - 1] === '-' ? digits - 1 : digits;
    const literal = text.slice(start, end);
    if (isExact(literal) || !standsAlone(text, start, end) || isInString(start)) continue;
    pieces.push(text.slice(copied, start), literal);
    copied = end;
  }
  if (pieces.length === 0) return text;
  pieces.push(text.slice(copied));
  return pieces.join('"');
}

/** Whether JavaScript writes the number with the same digits. 2 ** 60 is no such number, although a double can hold it. */
function isExact(literal: string): boolean {
  return String(Number(literal)) === literal || !INTEGER.test(literal);
}

const INTEGER = /^-?[1-9]\d*$/;

/** Whether a value of JSON may begin and end here. What precedes a colon is a key, which stays as it is. */
export function standsAlone(text: string, start: number, end: number): boolean {
  let before = start - 1;
  while (isBlank(text.charCodeAt(before))) before -= 1;
  if (before >= 0 && !':,['.includes(text.charAt(before))) return false;
  let after = end;
  while (isBlank(text.charCodeAt(after))) after += 1;
  return after >= text.length || ',]}'.includes(text.charAt(after));
}

/** @returns a function for positions that ascend: whether it lies in a string. */
export function createStringTracker(text: string): (position: number) => boolean {
  let open = text.indexOf('"');
  let end = 0;
  return (position) => {
    while (position >= end && open !== -1 && open < position) {
      end = endOfString(text, open);
      open = text.indexOf('"', end);
    }
    return position < end;
  };
}

/** The position behind the string that begins at `open`. */
function endOfString(text: string, open: number): number {
  for (let quote = text.indexOf('"', open + 1); quote !== -1; quote = text.indexOf('"', quote + 1)) {
    let escapes = quote;
    while (text.charCodeAt(escapes - 1) === BACKSLASH) escapes -= 1;
    if ((quote - escapes) % 2 === 0) return quote + 1;
  }
  return text.length;
}

interface Digits {
  readonly start: number;
  readonly end: number;
}

/** No integer with fewer digits is too large for a double, nor one with as many that does not begin with a 9. */
const LONG = 16;

/** The bytes of a part of a text: `charCodeAt` takes several times as long as to read one of them. */
const buffer = Buffer.allocUnsafeSlow(1 << 16);
/** The same bytes, four at a time. */
const bufferWords = new Int32Array(buffer.buffer);

/**
 * Rows of at least 16 digits that may be integers which a double cannot hold, but few of those in strings. Such a row fills at
 * least three words next to each other, so that it is enough to look at every third word.
 */
function findLongDigits(text: string): Digits[] {
  const found: Digits[] = [];
  const bytes = buffer;
  const words = bufferWords;
  let quote = -1; // the next one in the text, once it was looked for
  let base = 0; // where in the text the bytes begin
  while (base + LONG <= text.length) {
    // Characters beyond Latin-1 lose bits. They may look like digits then, but no digit looks like anything else.
    const length = bytes.write(base === 0 ? text : text.slice(base, base + bytes.length), 'latin1');
    let next = 0; // all rows that start before it are known
    // Helper functions that V8 does not inline would take a third of the time here: hence the few of them in this loop.
    for (let word = 2; word < length >> 2; word += 3) {
      if (((words[word] as number) & HIGH_BITS) !== DIGITS) continue;
      const isRowOfWords =
        ((words[word + 1] as number) & HIGH_BITS) === DIGITS
          ? ((words[word - 1] as number) & HIGH_BITS) === DIGITS ||
            ((words[word + 2] as number) & HIGH_BITS) === DIGITS
          : ((words[word - 1] as number) & HIGH_BITS) === DIGITS &&
            ((words[word - 2] as number) & HIGH_BITS) === DIGITS;
      if (!isRowOfWords) continue;
      const inside = 4 * word + 4;
      let end = inside;
      while (end < length && ((bytes[end] as number) - ZERO) >>> 0 <= 9) end += 1;
      // It is in a string: none starts right behind a digit, and a backslash is nowhere else.
      if (end + 1 < length && (bytes[end] === QUOTE || bytes[end + 1] === BACKSLASH)) {
        next = end + 1;
        word = ((next + 3) >> 2) - 1;
        continue;
      }
      if (end === length) end = endOfDigits(text, base + end) - base;
      let start = inside;
      while (start > next && ((bytes[start - 1] as number) - ZERO) >>> 0 <= 9) start -= 1;
      next = end + 1;
      const mayBeTooLarge = end - start > LONG || (end - start === LONG && bytes[start] === NINE);
      if (mayBeTooLarge && mayStart(text, base + start)) {
        if (quote < base + end) quote = indexOrEnd(text, text.indexOf('"', base + end));
        if (endsString(text, quote)) next = quote - base + 1;
        else found.push({ start: base + start, end: base + end });
      }
      word = ((next + 3) >> 2) - 1; // from here, the third one is the first to look at
    }
    if (base + length === text.length) break;
    base += Math.max(next, length - LONG + 1);
  }
  return found;
}

/** The upper halves of four bytes, and what they are in digits. The characters `:;<=>?` have the same. */
const HIGH_BITS = 0xf0f0f0f0 | 0;
const DIGITS = 0x30303030;

function indexOrEnd(text: string, index: number): number {
  return index === -1 ? text.length : index;
}

function endOfDigits(text: string, from: number): number {
  let end = from;
  while (end < text.length && isDigit(text.charCodeAt(end))) end += 1;
  return end;
}

/** Whether the quote ends a string, or is escaped in one: a quote that starts a string follows a blank or one of `:,[{`. */
function endsString(text: string, quote: number): boolean {
  if (quote === 0 || quote === text.length) return false;
  const before = text.charCodeAt(quote - 1);
  return !(before === COMMA || before === COLON || before === LIST || before === OBJECT || isBlank(before));
}

/** Whether an integer may start there. Decimals and exponents follow something else. */
function mayStart(text: string, index: number): boolean {
  if (index === 0) return true;
  const before = text.charCodeAt(index - 1);
  return before === COMMA || before === COLON || before === LIST || before === MINUS || isBlank(before);
}

function isDigit(code: number): boolean {
  return code >= ZERO && code <= NINE;
}

function isBlank(code: number | undefined): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09;
}

const ZERO = 0x30;
const NINE = 0x39;
const COMMA = 0x2c;
const COLON = 0x3a;
const LIST = 0x5b;
const OBJECT = 0x7b;
const QUOTE = 0x22;
const MINUS = 0x2d;
const BACKSLASH = 0x5c;
