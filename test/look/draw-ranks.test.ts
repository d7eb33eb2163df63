import { describe, expect, test } from 'vitest';
import { drawRanks } from '../../src/look/draw-ranks.js';
import { randomFrom } from '../faults/support/seeded-random.js';

describe('drawn ranks', () => {
  test.each([
    { total: 7, size: 3, what: 'any ranks' },
    { total: 23, size: 2, what: 'strata whose ends are no whole numbers' },
    { total: 40, size: 4, what: 'strata of whole numbers' },
  ])('come with the same chance each: $size of $total, $what', ({ total, size }) => {
    const random = randomFrom(total).next;
    const rounds = 40_000;
    const counts = Array<number>(total).fill(0);
    for (let round = 0; round < rounds; round += 1) {
      for (const { rank, times } of drawRanks(total, size, random))
        counts[rank - 1] = (counts[rank - 1] ?? 0) + times;
    }
    const expected = (rounds * size) / total;
    const spread = Math.sqrt(expected * (1 - size / total));
    for (const count of counts) expect(Math.abs(count - expected)).toBeLessThan(4 * spread);
  });

  test.each([
    [250, 200],
    [1_999, 200],
    [2_000, 200],
    [2_005, 200],
    [1_000_000, 200],
    [11, 1],
  ])('ascend, lie within the instances and are as many as wanted: of %d, %d', (total, size) => {
    const random = randomFrom(total).next;
    for (let round = 0; round < 50; round += 1) {
      const drawn = drawRanks(total, size, random);
      const ranks = drawn.map(({ rank }) => rank);
      expect(ranks).toEqual([...new Set(ranks)].toSorted((a, b) => a - b));
      expect(ranks[0]).toBeGreaterThanOrEqual(1);
      expect(ranks.at(-1)).toBeLessThanOrEqual(total);
      expect(drawn.reduce((sum, { times }) => sum + times, 0)).toBe(size);
    }
  });

  test('are all ranks if no more are there than wanted', () => {
    const never = () => {
      throw new Error('no dice are needed');
    };
    const all = [1, 2, 3].map((rank) => ({ rank, times: 1 }));
    expect([drawRanks(3, 3, never), drawRanks(3, 200, never), drawRanks(0, 200, never)]).toEqual([
      all,
      all,
      [],
    ]);
  });

  test('reach the first and the last instance, whatever the dice show', () => {
    const last = 1 - Number.EPSILON / 2;
    expect(drawRanks(1_000, 10, () => 0).map(({ rank }) => rank)[0]).toBe(1);
    expect(drawRanks(1_000, 10, () => last).at(-1)).toEqual({ rank: 1_000, times: 1 });
    expect(drawRanks(15, 10, () => last).map(({ rank }) => rank)).toEqual([
      6, 7, 8, 9, 10, 11, 12, 13, 14, 15,
    ]);
  });
});
