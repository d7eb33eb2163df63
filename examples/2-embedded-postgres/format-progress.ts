export interface ShownProgress {
  readonly visited: number;
  readonly total: number;
  /** 0 while it is unknown. */
  readonly ratePerSecond: number;
  readonly etaMs: number | null;
}

const LONGEST_BAR = 40;
/** What stands right of the bar never gets longer in the demo, so the bar keeps its length. */
const LABEL = 28;

/** `████░░ 100/300  62/s  3 s left`, in one row. */
export function formatProgress(progress: ShownProgress, columns: number): string {
  const { ratePerSecond, etaMs } = progress;
  const pace = [
    ...(ratePerSecond > 0 ? [`${formatRate(ratePerSecond)}/s`] : []),
    ...(etaMs !== null ? [`${Math.ceil(etaMs / 1000)} s left`] : []),
  ];
  return formatBar(progress, pace, columns);
}

/** The last state of the bar: `██████ 300/300  62/s on average`. */
export function formatAverage(progress: ShownProgress, ratePerSecond: number, columns: number): string {
  return formatBar(progress, ratePerSecond > 0 ? [`${formatRate(ratePerSecond)}/s on average`] : [], columns);
}

function formatBar({ visited, total }: ShownProgress, pace: readonly string[], columns: number): string {
  const length = Math.max(0, Math.min(LONGEST_BAR, columns - LABEL - 4));
  const filled = Math.min(length, Math.floor((length * visited) / Math.max(1, total)));
  const bar = '█'.repeat(filled) + '░'.repeat(length - filled);
  return ['', `${bar} ${String(visited).padStart(String(total).length)}/${total}`, ...pace].join('  ');
}

function formatRate(ratePerSecond: number): string {
  return ratePerSecond < 10 ? ratePerSecond.toFixed(1) : String(Math.round(ratePerSecond));
}
