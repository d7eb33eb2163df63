import type { JsonValue } from '../../extraction/json-value.js';

/**
 * Parses stored values. A number stays a number, unless it is too large for JavaScript or an integer that JavaScript would write
 * back as another number: 12345678901234567890 becomes `{ number: '12345678901234567890' }`, which equals no number and no string.
 * A number with a fraction or an exponent is rounded, as it is in task data.
 */
export function parseStored(json: string): JsonValue {
  return JSON.parse(MANY_DIGITS.test(json) ? withDigits(json) : json);
}

function withDigits(json: string): string {
  let isInString = false;
  return json.replace(TOKEN, (token) => {
    if (token === '"') isInString = !isInString;
    return isInString || !NUMBER.test(token) ? token : keepDigits(token);
  });
}

/** A number in a list or an object with many digits or a large exponent. JavaScript writes every other one back with the same value. */
const MANY_DIGITS = /[[:,\s-]\d(?:[\d.]{15}|[\d.]*[eE][+-]?\d{3})/;
/** An escaped character, a quote, or a number. */
const TOKEN = /\\.|"|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?\d/;

function keepDigits(token: string): string {
  const number = Number(token);
  const isRounded = Number.isFinite(number) && !INTEGER.test(token);
  return isRounded || decimalOf(token) === decimalOf(String(number)) ? token : `{"number":"${token}"}`;
}

const INTEGER = /^-?\d+$/;

/** The value of a number as text, the same for 1e3, 1000 and 1000.0: its digits without zeros around them, and a power of ten. */
function decimalOf(number: string): string {
  const [coefficient = '', power = '0'] = number.toLowerCase().split('e');
  const [whole = '', fraction = ''] = coefficient.replace('-', '').split('.');
  const digits = whole + fraction;
  let [start, end] = [0, digits.length];
  while (digits[start] === '0') start += 1;
  while (end > start && digits[end - 1] === '0') end -= 1;
  if (start === end) return '0';
  const sign = coefficient.startsWith('-') ? '-' : '';
  return `${sign}${digits.slice(start, end)}e${Number(power) - fraction.length + digits.length - end}`;
}
