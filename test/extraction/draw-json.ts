import type { SeededRandom } from '../faults/support/seeded-random.js';

/** A JSON text full of what a scan for long integers may trip over. A few of them are broken. */
export function drawJson(random: SeededRandom): string {
  const text = drawBlanks(random) + drawValue(random, random.between(0, 5)) + drawBlanks(random);
  return random.next() < 0.15 ? damage(random, text) : text;
}

function drawValue(random: SeededRandom, depth: number): string {
  const die = random.next();
  if (depth === 0 || die < 0.3) return drawScalar(random);
  const parts = Array.from({ length: random.between(0, 4) }, () => {
    const value = drawBlanks(random) + drawValue(random, depth - 1) + drawBlanks(random);
    return die < 0.6 ? value : `${drawBlanks(random)}${drawKey(random)}${drawBlanks(random)}:${value}`;
  });
  const inside = parts.join(',') || drawBlanks(random);
  return die < 0.6 ? `[${inside}]` : `{${inside}}`;
}

function drawScalar(random: SeededRandom): string {
  const die = random.next();
  if (die < 0.3) return drawInteger(random);
  if (die < 0.4) return drawInteger(random) + drawTail(random);
  if (die < 0.5) return random.pick(['true', 'false', 'null', '0', '-0', '1', '-17']);
  return drawString(random);
}

function drawInteger(random: SeededRandom): string {
  if (random.next() < 0.3) return random.pick(EDGES);
  const length = random.pick([1, 2, 8, 14, 15, 16, 16, 16, 17, 17, 18, 19, 19, 20, 21, 22, 31, 40, 320]);
  return random.pick(['', '-']) + drawDigits(random, length).replace(/^0/, '9');
}

function drawDigits(random: SeededRandom, length: number): string {
  const most = random.pick([9, 9, 1, 0]);
  return Array.from({ length }, () => random.between(0, most)).join('');
}

const EDGES = [
  '9007199254740991',
  '9007199254740992',
  '9007199254740993',
  '-9007199254740993',
  '9007199254740994',
  '9999999999999999',
  '10000000000000000',
  '12345678901234567000',
  '1152921504606846976',
  '18446744073709551615',
  '-9223372036854775808',
  '100000000000000000000',
  '1000000000000000000000',
];

function drawTail(random: SeededRandom): string {
  const digits = drawDigits(random, random.pick([1, 3, 17, 20]));
  return random.pick([
    `.${digits}`,
    `e${random.between(0, 30)}`,
    `.${digits}E-2`,
    'e+000000000000000003',
    'e-5',
  ]);
}

/**
 * Without a backslash in the key itself: from Node.js 24 on, JSON.parse takes other keys for one that had a backslash at their
 * place before (https://github.com/nodejs/node/issues/63785).
 */
function drawKey(random: SeededRandom): string {
  const key = drawString(random);
  return String(JSON.parse(key)).includes('\\') ? '"key"' : key;
}

function drawString(random: SeededRandom): string {
  const die = random.next();
  if (die < 0.1) return random.pick(['"__proto__"', '"a"', '"a"', '""', '"constructor"', '"\\u0061"']);
  if (die < 0.3) return `"${drawInteger(random)}"`;
  if (die < 0.4) return JSON.stringify(drawValue(random, 1));
  const parts = Array.from({ length: random.between(0, 6) }, () =>
    random.next() < 0.4 ? drawInteger(random) : random.pick(STRING_PARTS),
  );
  return `"${parts.join('')}"`;
}

/** The letters beyond Latin-1 are a digit and a quote when they lose their upper byte. */
const STRING_PARTS = [
  ...[' ', ',', ':', '[', ']', '{', '}', '-', '.', 'e', 'x', ': ', ', '],
  ...['\\"', '\\\\', '\\\\\\"', '\\n', '\\/', '\\u0022', '\\ud800', '\ud800', '\u007f'],
  ...['ß', '\u0130', '\u0139\u0139\u0139', '\u0122', '価格', '🧾', '\ufeff'],
];

function drawBlanks(random: SeededRandom): string {
  return random.next() < 0.7 ? '' : random.pick([' ', '\n', '\t', '\r\n', '  ', ' '.repeat(20)]);
}

function damage(random: SeededRandom, text: string): string {
  const at = random.between(0, text.length);
  const replacement = random.pick([
    '',
    ...[
      '"',
      '\\',
      ',',
      ':',
      '[',
      '}',
      '0',
      '-',
      '1',
      '.',
      'NaN',
      '\u00a0',
      '\ufeff',
      '\n',
      '1234567890123456789',
    ],
  ]);
  return text.slice(0, at) + replacement + text.slice(at + random.between(0, 2));
}
