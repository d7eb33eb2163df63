import type { BackfillLogger, BackfillProgress } from 'process-metadata-backfill';

const WIDTH = 40;

/** Log lines with a progress bar below them. Without a terminal, only the log lines show the progress. */
export function createTerminal(stdout: NodeJS.WriteStream) {
  let bar = '';

  function print(line: string): void {
    if (bar === '') return void stdout.write(`${line}\n`);
    stdout.clearLine(0);
    stdout.cursorTo(0);
    stdout.write(`${line}\n${bar}`);
  }

  return {
    logger: { info: print, warn: print, error: print } satisfies BackfillLogger,

    showProgress({ processed, failed, gone, total, ratePerSecond }: BackfillProgress): void {
      if (!stdout.isTTY) return;
      const done = processed + failed + gone;
      const filled = Math.round((WIDTH * done) / Math.max(1, total));
      bar = `  ${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)} ${done}/${total}  ${Math.round(ratePerSecond)}/s`;
      stdout.cursorTo(0);
      stdout.write(bar);
      stdout.clearLine(1);
    },

    /** Leaves the bar as it is; later lines come below it. */
    endProgress(): void {
      if (bar !== '') stdout.write('\n');
      bar = '';
    },
  };
}
