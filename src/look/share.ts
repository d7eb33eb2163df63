/** How many of the sampled instances, or of their rows, have a property, and an estimate for all. Plain JSON. */
export interface Share {
  /** In the sample. */
  readonly count: number;
  /** `count` per sampled instance, from 0 to 1. For rows: `count` divided by sampled instances times keys. */
  readonly rate: number;
  /**
   * The ends of the 95 % interval for the rate among all instances or rows. Both are the rate itself if all instances were seen.
   */
  readonly low: number;
  readonly high: number;
}

/** The sample that a share was counted in. */
export interface SampleSize {
  readonly sampled: number;
  /** All instances. */
  readonly total: number;
}

/** A share with its interval, corrected for a finite population. Each end is a whole number of instances, divided by `total`. */
export function shareOf(count: number, size: SampleSize): Share {
  return shareWithin(count, { most: 1, effectiveSize: size.sampled }, size);
}

/**
 * The share of rows, of which each sampled instance has at most `most`. Rows of one instance tend to be alike. The more alike
 * they are, the smaller the effective size of the sample is. It is at least one row per instance. The interval is too wide if few
 * rows exist, or nearly all.
 * @param perInstance how many rows each sampled instance has, up to `most`.
 */
export function shareOfRows(perInstance: readonly number[], most: number, size: SampleSize): Share {
  const count = perInstance.reduce((sum, rows) => sum + rows, 0);
  const effectiveRows = Math.min(most, effectiveRowsPerInstance(perInstance, most));
  return shareWithin(count, { most, effectiveSize: size.sampled * effectiveRows }, size);
}

/**
 * The number of independent rows that the rows of one instance are worth: `most` divided by the design effect. It is the variance of
 * rows divided by the variance of the instances' shares. The sample may lack rare instances that have all rows or none. So one is
 * added: with all rows if the mean share is below half, otherwise with none.
 */
function effectiveRowsPerInstance(perInstance: readonly number[], most: number): number {
  const shares = perInstance.map((rows) => rows / most);
  const unlike = mean(shares) < 0.5 ? 1 : 0;
  const all = [...shares, unlike];
  const rate = mean(all);
  return (rate * (1 - rate)) / mean(all.map((share) => (share - rate) ** 2));
}

function mean(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0) / numbers.length;
}

/**
 * The share of items that exist, where each instance has at most `most` items. `effectiveSize` is the number of independent items that
 * tell as much as the sample.
 */
function shareWithin(
  count: number,
  { most, effectiveSize }: { readonly most: number; readonly effectiveSize: number },
  { sampled, total }: SampleSize,
): Share {
  const [seen, all] = [sampled * most, total * most];
  if (seen === 0) return { count, rate: 0, low: 0, high: all === 0 ? 0 : 1 };
  const rate = count / seen;
  if (seen >= all) return { count, rate, low: rate, high: rate };
  // Of an infinite population, a sample of this size would be equally precise (finite population correction).
  const size = (effectiveSize * (total - 1)) / (total - sampled);
  // What was seen is certain, so neither end may contradict it. (Very rarely, one instance was drawn twice.)
  const atLeast = (certain: number): number =>
    Math.max(certain, Math.floor(lowestRate(certain / seen, effectiveSize, size) * all));
  return { count, rate, low: atLeast(count) / all, high: (all - atLeast(seen - count)) / all };
}

/** The quantile of the normal distribution that leaves 2.5 % at each end. */
const Z = 1.959_964;
/**
 * For one, two and three observations, the low end of the Wilson interval is too high. If a sample is expected to have fewer than
 * this, the chance that it has at least so many is below 5 % (the modified Wilson interval of Brown, Cai and DasGupta, 2001).
 */
const EXPECTED_OF_FEW: readonly number[] = [0, 0.0513, 0.3554, 0.8177];
/** So that a rounding error does not make one more of a whole number of observations. */
const ROUNDING = 1e-9;

/** The low end of the Wilson interval. The high end is 1 minus the low end of the opposite share. */
function lowestRate(rate: number, effectiveSize: number, size: number): number {
  const slack = Z ** 2 / size;
  const reach = Z * Math.sqrt((rate * (1 - rate)) / size + slack / (4 * size));
  const wilson = Math.max(0, rate + slack / 2 - reach) / (1 + slack);
  const having = Math.ceil(rate * effectiveSize - ROUNDING);
  return Math.min(wilson, (EXPECTED_OF_FEW[having] ?? Number.POSITIVE_INFINITY) / size);
}
