import { parseJson } from 'process-metadata-backfill';
import { median } from './median.js';

/**
 * How long parseJson takes compared with JSON.parse, in CPU time: the median over pairs that take turns.
 * `tsx --tsconfig test/tsconfig.json test/bench/parse-json.ts [pairs]`
 */
const PAIRS = Number(process.argv[2] ?? 31);
const BYTES_PER_TURN = 2_000_000;

type Line = (index: number) => Record<string, unknown>;

const ORDINARY: Line = (index) => ({
  position: index + 1,
  article: `A-${index}`,
  text: 'spare part, size 12, with a long description',
  price: 99.5 + index,
  at: '2024-02-29T12:30:00.125Z',
});

const LINES: Readonly<Record<string, Line>> = {
  'ordinary lines': ORDINARY,
  'ids and telephone numbers in strings': (index) => ({
    ...ORDINARY(index),
    id: String(3544790567247868102n + BigInt(index)),
    phone: '+4922112345678',
  }),
  'hashes, IBANs and base64 in strings': (index) => ({
    ...ORDINARY(index),
    sha256: (BigInt(index + 7) ** 90n).toString(16).slice(0, 64),
    iban: 'DE89370400440532013000',
    image: Buffer.from(`the image of article ${index}`).toString('base64'),
  }),
  'JSON in strings': (index) => ({
    ...ORDINARY(index),
    payload: JSON.stringify({ id: 0, lines: [1, 2] }).replace('0', '3544790567247868102'),
  }),
  'microseconds, and letters beyond Latin-1': (index) => ({
    ...ORDINARY(index),
    at: 1_700_000_000_123_456 + index,
    city: '東京',
  }),
};

for (const [name, line] of Object.entries(LINES)) {
  for (const size of [1000, 10_000, 45_000]) {
    const texts = Array.from({ length: 8 }, (_, index) => documentOf(line, size, index));
    const ratios = Array.from({ length: PAIRS + 1 }, (_, pair) => {
      const turns = [() => cpuTime(parseJson, texts), () => cpuTime(JSON.parse, texts)];
      const [a = 0, b = 0] = (pair % 2 === 0 ? turns : turns.toReversed()).map((turn) => turn());
      return pair % 2 === 0 ? a / b : b / a;
    });
    const settled = median(ratios.slice(1)); // the first one compiles
    console.log(`${String(texts[0]?.length).padStart(6)} bytes, ${name}: ${settled.toFixed(3)}`);
  }
}

function documentOf(line: Line, size: number, seed: number): string {
  const lines: unknown[] = [];
  for (let length = 40; length < size; length += JSON.stringify(lines.at(-1)).length + 1)
    lines.push(line(1000 * seed + lines.length));
  // As a driver hands it over: in one piece.
  return Buffer.from(JSON.stringify({ invoice: { number: `INV-${seed}` }, lines })).toString();
}

function cpuTime(parse: (text: string) => unknown, texts: readonly string[]): number {
  const times = Math.ceil(BYTES_PER_TURN / (texts.length * (texts[0]?.length ?? 1)));
  const before = process.cpuUsage();
  for (let time = 0; time < times; time += 1) for (const text of texts) parse(text);
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
