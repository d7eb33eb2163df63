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

/**
 * A share with its Wilson interval, corrected for a finite population. The ends are rounded outwards to a whole number of
 * instances.
 */
export function shareOf(count: number, { sampled, total }: SampleSize): Share {
  if (sampled === 0) return { count, rate: 0, low: 0, high: total === 0 ? 0 : 1 };
  const rate = count / sampled;
  if (sampled >= total) return { count, rate, low: rate, high: rate };
  const { low, high } = wilson(rate, effectiveSize(sampled, total));
  return {
    count,
    rate,
    low: Math.min(rate, Math.floor(low * total) / total),
    high: Math.max(rate, Math.ceil(high * total) / total),
  };
}

/**
 * The share of `most` times `sampled` rows. Rows of one instance tend to be alike. The more alike they are, the fewer
 * rows the sample counts as, down to one per instance.
 * @param perInstance how many rows each sampled instance has, up to `most`.
 */
export function shareOfRows(
  perInstance: readonly number[],
  most: number,
  { sampled, total }: SampleSize,
): Share {
  const count = perInstance.reduce((sum, rows) => sum + rows, 0);
  if (sampled === 0 || most === 0) return { count, rate: 0, low: 0, high: total * most === 0 ? 0 : 1 };
  const rate = count / (sampled * most);
  if (sampled >= total) return { count, rate, low: rate, high: rate };
  const spread = perInstance.reduce((sum, rows) => sum + (rows / most - rate) ** 2, 0) / sampled;
  const alike = spread === 0 ? most : (rate * (1 - rate)) / spread;
  const size = effectiveSize(sampled, total) * Math.min(most, Math.max(1, alike));
  const { low, high } = wilson(rate, size);
  return { count, rate, low: Math.min(rate, low), high: Math.max(rate, high) };
}

/** The size of a sample from an endless population that would be as precise: the finite population correction. */
function effectiveSize(sampled: number, total: number): number {
  return (sampled * (total - 1)) / (total - sampled);
}

/** The quantile of the normal distribution that leaves 2.5 % at each end. */
const Z = 1.959_964;

function wilson(rate: number, size: number): { readonly low: number; readonly high: number } {
  const slack = Z ** 2 / size;
  const middle = (rate + slack / 2) / (1 + slack);
  const reach = (Z * Math.sqrt((rate * (1 - rate)) / size + slack / (4 * size))) / (1 + slack);
  return { low: Math.max(0, middle - reach), high: Math.min(1, middle + reach) };
}
