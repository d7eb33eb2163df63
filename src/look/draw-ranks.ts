import type { Runtime } from '../ports/runtime.js';

/** A place in the order of the walk, from 1 on, and how often it was drawn. */
export interface DrawnRank {
  readonly rank: number;
  readonly times: number;
}

/** Strata are used only if each of them has at least this many instances. */
const FEWEST_PER_STRATUM = 10;

/**
 * Draws `size` of `total` ranks, each with the same chance, in ascending order. If there are at least 10 ranks per drawn one, the
 * order is cut into `size` strata of the same length, and each gives one rank. So the sample has old and new instances. The length
 * need not be a whole number, because rounding would make the chances differ. A rank on the border of two strata may be drawn by
 * both, and then counts twice.
 */
export function drawRanks(total: number, size: number, random: Runtime['random']): DrawnRank[] {
  if (size >= total) return once(Array.from({ length: total }, (_, index) => index + 1));
  if (total < FEWEST_PER_STRATUM * size) return once(drawAnyRanks(total, size, random));
  const drawn: DrawnRank[] = [];
  for (let stratum = 0; stratum < size; stratum += 1) {
    const rank = Math.min(total, 1 + Math.floor(((stratum + random()) * total) / size));
    const isAgain = drawn.at(-1)?.rank === rank;
    if (isAgain) drawn.pop();
    drawn.push({ rank, times: isAgain ? 2 : 1 });
  }
  return drawn;
}

/** Each set of ranks has the same chance: the chance of a rank is the ratio of ranks still wanted to ranks still left. */
function drawAnyRanks(total: number, size: number, random: Runtime['random']): number[] {
  const ranks: number[] = [];
  for (let rank = 1; rank <= total; rank += 1) {
    const left = total - rank + 1;
    if (random() * left < size - ranks.length) ranks.push(rank);
  }
  return ranks;
}

function once(ranks: readonly number[]): DrawnRank[] {
  return ranks.map((rank) => ({ rank, times: 1 }));
}
