import { expect, test } from 'vitest';
import { createTerminal } from '../../../examples/2-embedded-postgres/terminal.js';

const TAG = 'celery_task_backfill_metadata[0mwxrek26l57ehxnfeobvkib6]:';
const progressLine = (visited: number) =>
  `${TAG} Metadata backfill progress: ${visited}/300 instances processed for model test_group/invoice_process`;
const progress = (visited: number) => ({ visited, total: 300, ratePerSecond: 50, etaMs: 1000 });

/** A terminal and what was written to it. */
function terminalOf(columns: number | undefined) {
  let written = '';
  const write = (text: string) => {
    written += text;
    return true;
  };
  const stdout = columns === undefined ? { write, isTTY: false } : { write, isTTY: true, columns };
  return { ...createTerminal(stdout as never), written: () => written };
}

/** What is left on the screen. */
function screen(written: string): string[] {
  return written.split('\n').map((row) => row.slice(row.lastIndexOf('\u001b[2K') + 1).replace(/^\[2K/, ''));
}

test('writes plain whole lines where there is no terminal', () => {
  const { logger, showProgress, endProgress, print, printTable, written } = terminalOf(undefined);
  showProgress(progress(0));
  logger.info(progressLine(3));
  showProgress(progress(3));
  logger.info(progressLine(6));
  endProgress();
  print(`\n${'word '.repeat(40)}end`);
  printTable([{ cells: ['id'] }, { cells: ['1'], note: 'a note' }]);

  expect(written()).toBe(
    `${progressLine(3)}\n${progressLine(6)}\n\n${'word '.repeat(40)}end\n  id\n  1   ← a note\n`,
  );
});

test('writes the tag once, and wraps what does not fit', () => {
  const { logger, written } = terminalOf(60);
  logger.info(`${TAG} Starting metadata backfill for process model: test_group/invoice_process`);
  logger.error(`${TAG} Error processing metadata backfill for instance 42: the task data is not valid JSON`);

  expect(written().split('\n')).toEqual([
    TAG,
    '  Starting metadata backfill for process model:',
    '    test_group/invoice_process',
    '  Error processing metadata backfill for instance 42: the',
    '    task data is not valid JSON',
    '',
  ]);
});

test('keeps the bar below the lines, and leaves ten lines about the progress', () => {
  const { logger, showProgress, endProgress, written } = terminalOf(100);
  for (let visited = 0; visited <= 300; visited += 3) {
    showProgress(progress(visited));
    if (visited > 0) logger.info(progressLine(visited));
  }
  endProgress();

  const rows = screen(written());
  expect(rows.slice(0, -2)).toEqual([
    TAG,
    ...Array.from({ length: 10 }, (_, tenth) => progressLine(30 * (tenth + 1)).replace(TAG, ' ')),
  ]);
  expect(rows.at(-2)).toMatch(/^ {2}█{40} 300\/300 {2}\d+\/s on average$/);
});

test('the average counts only what was seen, not what an earlier process had done', async () => {
  const { showProgress, endProgress, written } = terminalOf(80);
  showProgress(progress(298));
  await new Promise((resolve) => setTimeout(resolve, 250));
  showProgress(progress(300));
  endProgress();

  const average = Number(/([\d.]+)\/s on average/.exec(written())?.[1]);
  expect(average).toBeGreaterThan(0);
  expect(average).toBeLessThanOrEqual(8.1);
});

test('shows every progress line where there is no bar', () => {
  const { logger, written } = terminalOf(100);
  for (let visited = 10; visited <= 50; visited += 10) logger.info(progressLine(visited));

  expect(written().match(/progress: \d+/g)).toHaveLength(5);
});
