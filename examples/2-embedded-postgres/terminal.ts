import type { BackfillLogger } from 'process-metadata-backfill';
import { formatAverage, formatProgress, type ShownProgress } from './format-progress.js';
import { formatTable, type TableRow } from './format-table.js';
import { wrapText } from './wrap-text.js';

/** What the demo writes to. */
export type Stdout = Pick<NodeJS.WriteStream, 'write' | 'isTTY' | 'columns'>;

export interface Terminal {
  /** In a terminal, the tag of the log lines is written only once, and long lines are wrapped. */
  readonly logger: BackfillLogger;
  print(line?: string): void;
  printTable(table: readonly TableRow[]): void;
  /** Without a terminal it shows nothing: the log lines tell the progress. */
  showProgress(progress: ShownProgress): void;
  /** Leaves the bar as it is, with the average rate. Later lines come below it. */
  endProgress(): void;
}

/** Log lines with a progress bar below them, in the width of the terminal. Without a terminal: plain lines. */
export function createTerminal(stdout: Stdout): Terminal {
  const columns = () => (stdout.isTTY ? stdout.columns || 80 : Number.POSITIVE_INFINITY);
  let bar: { text: string; readonly from: number; readonly since: number; latest: ShownProgress } | null =
    null;
  let tag = '';
  let tenths = 0;

  function write(rows: readonly string[]): void {
    const text = rows.map((row) => `${row}\n`).join('');
    stdout.write(bar === null ? text : `${CLEAR_ROW}${text}${bar.text}`);
  }

  function print(line = ''): void {
    write(line.split('\n').flatMap((each) => wrapText(each, columns())));
  }

  function log(line: string): void {
    const [, itsTag, message] = /^(\S+\[\S+\]:) (.*)$/.exec(line) ?? [];
    if (!stdout.isTTY || itsTag === undefined) {
      print(line);
    } else if (!isShownByBar(line)) {
      if (itsTag !== tag) print(itsTag);
      tag = itsTag;
      print(`  ${message}`);
    }
  }

  /** While there is a bar, ten lines about the progress are enough. */
  function isShownByBar(line: string): boolean {
    const [, visited, total] = /progress: (\d+)\/(\d+) /.exec(line) ?? [];
    if (bar === null || visited === undefined) return false;
    const before = tenths;
    tenths = Math.floor((10 * Number(visited)) / Number(total));
    return tenths === before;
  }

  return {
    logger: { info: log, warn: log, error: log },
    print,
    printTable: (table) => write(formatTable(table, columns())),

    showProgress(progress) {
      if (!stdout.isTTY) return;
      const text = formatProgress(progress, columns());
      bar = { from: progress.visited, since: performance.now(), ...bar, text, latest: progress };
      stdout.write(CLEAR_ROW + text);
    },

    endProgress() {
      if (bar === null) return;
      const { from, since, latest } = bar;
      const ratePerSecond = (1000 * (latest.visited - from)) / Math.max(1, performance.now() - since);
      stdout.write(`${CLEAR_ROW}${formatAverage(latest, ratePerSecond, columns())}\n`);
      bar = null;
    },
  };
}

/** Moves to the start of the row and erases it. */
const CLEAR_ROW = '\r\u001b[2K';
