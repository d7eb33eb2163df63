import { describe, expect, test } from 'vitest';
import { drawRanks } from '../../src/look/draw-ranks.js';
import { shareOf, shareOfRows } from '../../src/look/share.js';
import { randomFrom } from '../faults/support/seeded-random.js';

const SAMPLED = 200;
const ROUNDS = 1_000;

describe('the interval of a share', () => {
  const cells = [250, 2_000, 20_000].flatMap((total) => [0.01, 0.3, 0.99].map((share) => ({ total, share })));

  const coverageAt = once(({ total, share }: { readonly total: number; readonly share: number }) => {
    const random = randomFrom(total + 100 * share).next;
    const having = Math.round(share * total);
    let covered = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const has = scattered(having, total, random);
      const drawn = drawRanks(total, SAMPLED, random);
      const count = drawn.reduce((sum, { rank, times }) => sum + (has[rank - 1] === 1 ? times : 0), 0);
      const { low, high } = shareOf(count, { sampled: SAMPLED, total });
      if (low <= having / total && having / total <= high) covered += 1;
    }
    return covered / ROUNDS;
  });

  test.each(cells)('covers the share $share of $total instances in at least 88 of 100 samples', (cell) => {
    expect(coverageAt(cell)).toBeGreaterThanOrEqual(0.88);
  });

  test('covers the share in 93 to 97 of 100 samples on average', () => {
    const average = mean(cells.map(coverageAt));
    expect(average).toBeGreaterThanOrEqual(0.93);
    expect(average).toBeLessThanOrEqual(0.97);
  });

  test.each(
    [250, 2_500, 10_000, 20_000].flatMap((total) =>
      [1, 2, 3, 5, 10, 26].map((having) => ({ total, having })),
    ),
  )(
    'covers $having of $total instances, and all but $having, in at least 93 of 100 samples',
    ({ total, having }) => {
      const random = randomFrom(total + having).next;
      let [covered, coveredOthers] = [0, 0];
      for (let round = 0; round < ROUNDS; round += 1) {
        const has = scattered(having, total, random);
        const drawn = drawRanks(total, SAMPLED, random);
        const count = drawn.reduce((sum, { rank, times }) => sum + (has[rank - 1] === 1 ? times : 0), 0);
        const [few, others] = [count, SAMPLED - count].map((n) => shareOf(n, { sampled: SAMPLED, total }));
        if (few && few.low * total <= having && having <= few.high * total) covered += 1;
        if (others && others.low * total <= total - having && total - having <= others.high * total)
          coveredOthers += 1;
      }
      expect(covered / ROUNDS).toBeGreaterThanOrEqual(0.93);
      expect(coveredOthers).toBe(covered);
    },
  );

  test.each([201, 400, 1_000, 2_500, 100_000])(
    'ends, of %d instances, at no number that the sample proves wrong, and holds the rate',
    (total) => {
      for (let count = 0; count <= SAMPLED; count += 1) {
        const { low, rate, high } = shareOf(count, { sampled: SAMPLED, total });
        expect(low).toBeGreaterThanOrEqual(count / total);
        expect(high).toBeLessThanOrEqual(1 - (SAMPLED - count) / total + Number.EPSILON);
        expect(low).toBeLessThanOrEqual(rate);
        expect(high).toBeGreaterThanOrEqual(rate);
      }
    },
  );

  test('does not say that there are two where one was seen', () => {
    expect(shareOf(1, { sampled: 200, total: 2_500 }).low).toBe(1 / 2_500);
    expect(shareOf(199, { sampled: 200, total: 2_500 }).high).toBe(2_499 / 2_500);
  });

  test('is the rate itself where all instances were seen', () => {
    expect(shareOf(3, { sampled: 9, total: 9 })).toEqual({ count: 3, rate: 3 / 9, low: 3 / 9, high: 3 / 9 });
  });

  test('ends at whole instances, and holds the one that may not have been seen', () => {
    const { low, high } = shareOf(0, { sampled: 200, total: 250 });
    expect({ low, high }).toEqual({ low: 0, high: 1 / 250 });
  });

  test('is everything where no instance could be read, and nothing where there is none', () => {
    expect(shareOf(0, { sampled: 0, total: 5 })).toEqual({ count: 0, rate: 0, low: 0, high: 1 });
    expect(shareOf(0, { sampled: 0, total: 0 })).toEqual({ count: 0, rate: 0, low: 0, high: 0 });
  });

  test('gets narrower the less is left unseen', () => {
    const widths = [300, 3_000, 300_000].map((total) => {
      const { low, high } = shareOf(100, { sampled: 200, total });
      return high - low;
    });
    expect(widths).toEqual(widths.toSorted((a, b) => a - b));
    expect(new Set(widths).size).toBe(3);
  });
});

describe('the interval of a share of rows', () => {
  const allOrNone = (share: number, keys: number) => (random: () => number) => (random() < share ? keys : 0);
  const independent = (share: number, keys: number) => (random: () => number) =>
    Array.from({ length: keys }, random).filter((drawn) => drawn < share).length;

  const cells = [2, 4, 20].flatMap((keys) =>
    [0.0015, 0.005, 0.01, 0.3, 0.99, 0.995].flatMap((share) => [
      { keys, share, rows: 'all or none of them', rowsOf: allOrNone(share, keys) },
      { keys, share, rows: 'each regardless of the others', rowsOf: independent(share, keys) },
    ]),
  );

  interface Population {
    readonly keys: number;
    rowsOf(random: () => number): number;
  }

  const coverageOf = once(({ keys, rowsOf }: Population) => {
    const random = randomFrom(7).next;
    const population = Array.from({ length: 20_000 }, () => rowsOf(random));
    const truth = mean(population) / keys;
    let covered = 0;
    for (let round = 0; round < ROUNDS; round += 1) {
      const rows = drawRanks(population.length, SAMPLED, random).flatMap(({ rank, times }) =>
        Array<number>(times).fill(population[rank - 1] ?? 0),
      );
      const { low, high } = shareOfRows(rows, keys, { sampled: SAMPLED, total: population.length });
      if (low <= truth && truth <= high) covered += 1;
    }
    return covered / ROUNDS;
  });

  test.each(cells)('covers the share $share where instances have $keys rows, $rows', (cell) => {
    expect(coverageOf(cell)).toBeGreaterThanOrEqual(0.93);
  });

  test.each(cells.filter(({ share }) => share === 0.3))(
    'is not too wide where instances have 0.3 of $keys rows, $rows',
    (cell) => {
      expect(coverageOf(cell)).toBeLessThanOrEqual(0.97);
    },
  );

  test('covers the share in 93 to 97 of 100 samples on average, where instances have all or none of their rows', () => {
    const average = mean(cells.filter(({ rows }) => rows.startsWith('all')).map(coverageOf));
    expect(average).toBeGreaterThanOrEqual(0.93);
    expect(average).toBeLessThanOrEqual(0.97);
  });

  test('is as wide as that of independent rows if all instances have the same share of their rows', () => {
    const size = { sampled: 200, total: 1_000_000 };
    const { low, high } = shareOfRows(Array<number>(200).fill(10), 20, size);
    const independent = shareOf(2_000, { sampled: 4_000, total: 20_000_000 });
    expect(high - low).toBeCloseTo(independent.high - independent.low, 5);
  });

  const half = independent(0.5, 1);
  test.each<[string, Population['rowsOf']]>([
    ['0 or 1 row, and 0.75 % have all 20', (random) => allOrNone(0.0075, 20)(random) || half(random)],
    ['0 or 1 row, and 1 % have all 20', (random) => allOrNone(0.01, 20)(random) || half(random)],
    [
      'few of 20 rows, and 1 % have all',
      (random) => allOrNone(0.01, 20)(random) || independent(0.05, 20)(random),
    ],
    ['19 or 20 rows, and 1 % have none', (random) => (random() < 0.01 ? 0 : 20 - half(random))],
  ])('covers the share where most instances have %s', (_, rowsOf) => {
    expect(coverageOf({ keys: 20, rowsOf })).toBeGreaterThanOrEqual(0.93);
  });

  test('ends at no number that the sample proves wrong', () => {
    expect(shareOfRows([4, 4, 4, 3], 4, { sampled: 4, total: 5 }).high).toBe(19 / 20);
    expect(shareOfRows([0, 0, 0, 1], 4, { sampled: 4, total: 5 }).low).toBe(1 / 20);
  });

  test('is everything where no row could be read, and nothing where there is none', () => {
    expect(shareOfRows([], 2, { sampled: 0, total: 5 })).toEqual({ count: 0, rate: 0, low: 0, high: 1 });
    for (const [most, total] of [
      [2, 0],
      [0, 5],
    ] as const)
      expect(shareOfRows([], most, { sampled: 0, total })).toEqual({ count: 0, rate: 0, low: 0, high: 0 });
  });

  test('is the rate itself where all instances were seen', () => {
    expect(shareOfRows([2, 1], 2, { sampled: 2, total: 2 })).toEqual({
      count: 3,
      rate: 0.75,
      low: 0.75,
      high: 0.75,
    });
  });
});

/** Computes the answer to each question once, so that every test can run alone. */
function once<Question, Answer>(compute: (question: Question) => Answer): (question: Question) => Answer {
  const answers = new Map<Question, Answer>();
  return (question) => {
    const answer = answers.get(question) ?? compute(question);
    answers.set(question, answer);
    return answer;
  };
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/** Which instances have something, in random places. */
function scattered(having: number, total: number, random: () => number): Uint8Array {
  const has = new Uint8Array(total);
  let left = having;
  for (let index = 0; left > 0; index += 1) {
    if (random() * (total - index) >= left) continue;
    has[index] = 1;
    left -= 1;
  }
  return has;
}
