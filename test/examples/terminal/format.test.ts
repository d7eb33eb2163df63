import { describe, expect, test } from 'vitest';
import {
  formatAverage,
  formatProgress,
  type ShownProgress,
} from '../../../examples/2-embedded-postgres/format-progress.js';
import { formatTable, type TableRow } from '../../../examples/2-embedded-postgres/format-table.js';
import { wrapText } from '../../../examples/2-embedded-postgres/wrap-text.js';

const longest = (rows: readonly string[]) => Math.max(...rows.map((row) => row.length));
const words = (text: string) => text.split(/\s+/).filter(Boolean);

describe('wrapText', () => {
  const line =
    '  Completed metadata backfill for process model: test_group/invoice_process. Processed: 299, Updated: 298, Time: 3.50s';

  test.each([80, 60, 20])('keeps every word whole in %i columns', (columns) => {
    const rows = wrapText(line, columns);

    expect(rows.flatMap(words)).toEqual(words(line));
    expect(longest(rows)).toBeLessThanOrEqual(Math.max(columns, '    test_group/invoice_process.'.length));
  });

  test('indents what belongs to an indented line', () => {
    expect(wrapText('  ✓ 865 new metadata rows', 20)).toEqual(['  ✓ 865 new metadata', '    rows']);
    expect(wrapText('298 instances updated, 1 failed', 22)).toEqual(['298 instances updated,', '1 failed']);
  });

  test('leaves a line as it is that fits', () => {
    expect(wrapText('  two  blanks ', 14)).toEqual(['  two  blanks ']);
    expect(wrapText('', 80)).toEqual(['']);
    expect(wrapText(line, Number.POSITIVE_INFINITY)).toEqual([line]);
  });
});

describe('formatTable', () => {
  const table: TableRow[] = [
    { cells: ['id', 'status', 'customer_id', 'invoice_number', 'city', 'first_article'] },
    { cells: ['2', 'complete', 'C-102', 'INV-2024-0002', 'São Paulo', 'gasket'] },
    {
      cells: ['17', 'user_input_required', 'C-117', 'INV-2024-0017', 'Oslo', 'pump'],
      note: 'waits for an approval',
    },
    { cells: ['', 'of 300 have', '299', '269', '298', '298'] },
  ];

  test('puts notes beside the rows where there is room', () => {
    expect(formatTable(table, Number.POSITIVE_INFINITY)).toEqual([
      '  id  status               customer_id  invoice_number  city       first_article',
      '  2   complete             C-102        INV-2024-0002   São Paulo  gasket',
      '  17  user_input_required  C-117        INV-2024-0017   Oslo       pump           ← waits for an approval',
      '      of 300 have          299          269             298        298',
    ]);
  });

  test('breaks the cells of one column for 80 columns', () => {
    expect(formatTable(table, 80)).toEqual([
      '  id  status               customer_id  invoice_number  city       first_article',
      '  2   complete             C-102        INV-2024-0002   São Paulo  gasket',
      '  17  user_input_required  C-117        INV-2024-0017   Oslo       pump',
      '      ↑ waits for an approval',
      '      of 300 have          299          269             298        298',
    ]);
    expect(formatTable(table, 79)).toEqual([
      '  id  status       customer_id  invoice_number  city       first_article',
      '  2   complete     C-102        INV-2024-0002   São Paulo  gasket',
      '  17  user_input_  C-117        INV-2024-0017   Oslo       pump',
      '      required',
      '      ↑ waits for an approval',
      '      of 300 have  299          269             298        298',
    ]);
  });

  test('breaks headings and words for 60 columns, and no number', () => {
    const rows = formatTable(table, 60);

    expect(rows).toEqual([
      '  id  status       customer_  invoice_       city   first_',
      '                   id         number                article',
      '  2   complete     C-102      INV-2024-0002  São    gasket',
      '                                             Paulo',
      '  17  user_input_  C-117      INV-2024-0017  Oslo   pump',
      '      required',
      '      ↑ waits for an approval',
      '      of 300 have  299        269            298    298',
    ]);
    expect(longest(rows)).toBeLessThanOrEqual(60);
  });

  test('does not break what has no place to break at, however narrow', () => {
    expect(formatTable([{ cells: ['id', 'number'] }, { cells: ['1', '1234567'] }], 5)).toEqual([
      '  id  number',
      '  1   1234567',
    ]);
  });
});

describe('the progress bar', () => {
  const progress: ShownProgress = { visited: 75, total: 300, ratePerSecond: 62.4, etaMs: 3_606 };

  test('has the same length whatever stands beside it', () => {
    expect(formatProgress(progress, 80)).toBe(`  ${'█'.repeat(10)}${'░'.repeat(30)}  75/300  62/s  4 s left`);
    expect(formatProgress(progress, 60)).toBe(`  ${'█'.repeat(7)}${'░'.repeat(21)}  75/300  62/s  4 s left`);
    expect(formatProgress({ ...progress, ratePerSecond: 0, etaMs: null }, 60)).toBe(
      `  ${'█'.repeat(7)}${'░'.repeat(21)}  75/300`,
    );
  });

  test.each([80, 60, 40])('never reaches the last of %i columns', (columns) => {
    const slow = { ...progress, visited: 300, ratePerSecond: 1234, etaMs: 3_599_000 };
    expect(formatProgress(slow, columns).length).toBeLessThan(columns);
    expect(formatAverage(slow, 1234, columns).length).toBeLessThan(columns);
  });

  test('ends with the average rate, which is never rounded to 0', () => {
    const done = { ...progress, visited: 300, ratePerSecond: 0, etaMs: 0 };
    expect(formatAverage(done, 57.6, 60)).toBe(`  ${'█'.repeat(28)} 300/300  58/s on average`);
    expect(formatAverage(done, 0.31, 60)).toBe(`  ${'█'.repeat(28)} 300/300  0.3/s on average`);
  });

  test('is full only when all is done, and can be drawn without any instance', () => {
    expect(formatProgress({ ...progress, visited: 299 }, 80)).toContain('█░ 299/300');
    expect(formatAverage({ ...progress, visited: 0, total: 0 }, 0, 80)).toBe(`  ${'░'.repeat(40)} 0/0`);
  });
});
