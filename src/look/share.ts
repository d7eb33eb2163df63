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
export function shareOf(count: number, { sampled, total }: SampleSize): Share {
  return shareWithin(count, sampled, total, effectiveSize(sampled, total));
}

/**
 * The share of rows, of which each sampled instance has at most `most`. Rows of one instance tend to be alike. The more alike they are, the fewer
 * rows the sample counts as, down to one per instance.
 * @param perInstance how many rows each sampled instance has, up to `most`.
 */
export function shareOfRows(
  perInstance: readonly number[],
  most: number,
  { sampled, total }: SampleSize,
): Share {
  const count = perInstance.reduce((sum, rows) => sum + rows, 0);
  const rate = count / (sampled * most);
  const spread = perInstance.reduce((sum, rows) => sum + (rows / most - rate) ** 2, 0) / sampled;
  const alike = spread === 0 ? most : (rate * (1 - rate)) / spread;
  const size = effectiveSize(sampled, total) * Math.min(most, Math.max(1, alike));
  return shareWithin(count, sampled * most, total * most, size);
}

/** The size of an equally precise sample from an infinite population (finite population correction). */
function effectiveSize(sampled: number, total: number): number {
  return (sampled * (total - 1)) / (total - sampled);
}

/** @param size the size of an equally precise sample from an infinite population. */
function shareWithin(count: number, seen: number, all: number, size: number): Share {
  if (seen === 0) return { count, rate: 0, low: 0, high: all === 0 ? 0 : 1 };
  const rate = count / seen;
  if (seen >= all) return { count, rate, low: rate, high: rate };
  // The instances in the sample are certain: neither end may contradict them.
  const atLeast = (certain: number): number =>
    Math.max(certain, Math.floor(lowestRate(certain, seen, size) * all));
  return { count, rate, low: atLeast(count) / all, high: (all - atLeast(seen - count)) / all };
}

/** The quantile of the normal distribution that leaves 2.5 % at each end. */
const Z = 1.959_964;
/**
 * For the counts one, two and three, the low end of the Wilson interval is too high. If a sample is expected to have
 * fewer instances than this, the chance that it has at least one, two or three of them is below 5 % (the modified Wilson interval of Brown, Cai and DasGupta, 2001).
 */
const EXPECTED_OF_FEW: readonly number[] = [0, 0.0513, 0.3554, 0.8177];

/** The low end of the Wilson interval. The high end is 1 minus the low end of the opposite share. */
function lowestRate(count: number, seen: number, size: number): number {
  const rate = count / seen;
  const slack = Z ** 2 / size;
  const reach = Z * Math.sqrt((rate * (1 - rate)) / size + slack / (4 * size));
  const wilson = Math.max(0, rate + slack / 2 - reach) / (1 + slack);
  return Math.min(wilson, (EXPECTED_OF_FEW[count] ?? Number.POSITIVE_INFINITY) / size);
}
