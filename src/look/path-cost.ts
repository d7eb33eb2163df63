/** A segment of a path, and its letters and digits in lower case and one Unicode form. */
export interface PathStep {
  readonly segment: string;
  readonly word: string;
  readonly isIndex: boolean;
}

export function stepsOf(segments: readonly string[]): PathStep[] {
  return segments.map(stepOf);
}

export function stepOf(segment: string): PathStep {
  const word = segment
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
  return { segment, word, isIndex: /^(?:0|[1-9]\d*)$/.test(segment) };
}

/** A path that costs this much or more is a different path, not a misspelling. */
export const MOST_COST = 0.25;

/** The cost of a name that only one of the two paths has. */
const LEVEL = 0.2;
/** The cost of an index that only one of them has, or that differs. */
const INDEX = 0.1;
/** Many shorter words resemble each other. So before a short last word, only one index or a slip in a long name may differ. */
const SHORTEST_WORD = 4;

/** The most words whose cost is kept. Documents of one model have mostly the same names. */
const MOST_KEPT = 20_000;

/**
 * How far an existing path is from the path that was asked for, from 0 (only the letter case differs, say) to 1. The
 * last name counts for one half, the names before it for the other. Extra names are allowed in only one of the two paths. Otherwise
 * `refund.amount` would be near to `invoice.amount`.
 */
export type PathCost = (existing: readonly PathStep[]) => number;

export function compilePathCost(asked: readonly PathStep[]): PathCost {
  const words = wordsOf(asked);
  const kept = new Map(asked.map((step) => [step, new Map<string, number>()]));

  function stepCost(a: PathStep, b: PathStep): number {
    if (a.segment === b.segment) return 0;
    if (a.isIndex && b.isIndex) return INDEX;
    if (a.isIndex || b.isIndex) return 1;
    if (a.word === b.word) return a.word === '' ? 1 : 0;
    const costs = kept.get(a);
    if (costs === undefined) return wordCost(a.word, b.word);
    const known = costs.get(b.word);
    if (known !== undefined) return known;
    const cost = wordCost(a.word, b.word);
    if (costs.size < MOST_KEPT) costs.set(b.word, cost);
    return cost;
  }

  function pathCost(path: readonly PathStep[], existing: readonly PathStep[]): number {
    const [askedLast, last] = [path.at(-1), existing.at(-1)];
    if (askedLast === undefined || last === undefined) return 1;
    // An index into something that is not a list.
    if (askedLast.isIndex && !last.isIndex) return Math.min(1, INDEX + pathCost(path.slice(0, -1), existing));
    const cost = stepCost(askedLast, last);
    if (cost / 2 >= MOST_COST) {
      // Such as invoice_number for invoice.number.
      const mayBeSame = last.word !== '' && words.endsWith(last.word);
      return mayBeSame && wordsOf(existing) === words ? 0 : 1;
    }
    const before = costBefore(path.slice(0, -1), existing.slice(0, -1), stepCost);
    const isShort = !last.isIndex && last.word.length < SHORTEST_WORD;
    if (isShort && before > INDEX) return 1;
    return Math.min(1, (cost + before) / 2);
  }

  return (existing) => pathCost(asked, existing);
}

type StepCost = (asked: PathStep, existing: PathStep) => number;

/** The least cost of the names before the last one: each name of the shorter list is matched with one of the longer list, in order. */
function costBefore(asked: readonly PathStep[], existing: readonly PathStep[], stepCost: StepCost): number {
  const isLonger = asked.length > existing.length;
  const [shorter, longer] = isLonger ? [existing, asked] : [asked, existing];
  // costs[n]: of the first n names of the longer list, with those of the shorter list so far
  let costs: number[] = [0];
  for (const step of longer) costs.push((costs.at(-1) ?? 0) + (step.isIndex ? INDEX : LEVEL));
  for (const step of shorter) {
    const next: number[] = [Number.POSITIVE_INFINITY];
    for (const [index, other] of longer.entries()) {
      const cost = isLonger ? stepCost(other, step) : stepCost(step, other);
      const matched = (costs[index] ?? 1) + cost;
      const skipped = (next[index] ?? 1) + (other.isIndex ? INDEX : LEVEL);
      next.push(Math.min(matched, skipped));
    }
    costs = next;
  }
  return costs.at(-1) ?? 1;
}

/** From 0 to 1 (nothing in common). Words that differ only in their digits, such as `street` and `street2`, are names of different things. */
function wordCost(a: string, b: string): number {
  if (withoutDigits(a) === withoutDigits(b)) return 1;
  const longest = Math.max(a.length, b.length);
  if (longest < SHORTEST_WORD || 2 * Math.abs(a.length - b.length) > longest) return 1;
  return Math.min(1, edits(a, b, longest / 2) / longest);
}

function withoutDigits(word: string): string {
  return word.replace(/\p{N}/gu, '');
}

function wordsOf(steps: readonly PathStep[]): string {
  return steps.map(({ word }) => word).join('');
}

/**
 * How many characters to add, to remove, or to swap with the next one. Replacing a character counts as two edits: `date` and `rate`
 * are different words. Gives up beyond `most`.
 */
function edits(a: string, b: string, most: number): number {
  let earlier: number[] = [];
  let before = Array.from({ length: b.length + 1 }, (_, index) => index);
  let leastBefore = 0;
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    let least = i;
    for (let j = 1; j <= b.length; j += 1) {
      const isSwapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      const cost = Math.min(
        (before[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (before[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 2),
        isSwapped ? (earlier[j - 2] ?? 0) + 1 : Number.POSITIVE_INFINITY,
      );
      row.push(cost);
      least = Math.min(least, cost);
    }
    if (Math.min(least, leastBefore) > most) return Number.POSITIVE_INFINITY;
    earlier = before;
    before = row;
    leastBefore = least;
  }
  return before[b.length] ?? 0;
}
