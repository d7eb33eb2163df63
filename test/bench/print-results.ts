import { reference } from './candidates/reference.js';
import { singleStatement } from './candidates/single-statement.js';
import { singleUpdate } from './candidates/single-update.js';
import type { Comparison, Measured } from './measure.js';
import { median, ratio } from './median.js';
import type { Micro } from './micro.js';
import type { ScaleStep } from './scale.js';
import { titleOf } from './scenario.js';

/** A table for people. */
export function comparisonTable({ scenario, measured }: Comparison): string {
  const find = (name: string) => measured.find((each) => each.name === name);
  const [slow, single] = [find(reference.name), find(singleStatement.name) ?? find(singleUpdate.name)];
  const header = [
    '',
    'µs an instance',
    'instances/s',
    single?.name === singleUpdate.name ? '× one UPDATE' : '× one INSERT',
    'reference ×',
    'CPU µs worker',
    'database',
  ];
  const rows = measured.map((each) => [
    each.name,
    median(each.micros).toFixed(1),
    Math.round(1e6 / median(each.micros)).toLocaleString('en'),
    compared(each, single, (value) => value.toFixed(2)),
    slow === undefined ? '' : compared(slow, each, (value) => value.toFixed(1)),
    each.workerCpu?.toFixed(0) ?? '',
    each.databaseCpu?.toFixed(0) ?? '',
  ]);
  return `${titleOf(scenario)}\n\n${table([header, ...rows])}`;
}

export function microTable({ ownTime, extraction }: Micro): string {
  const { byHand, compileExtractor, lodashGet } = extraction;
  return table([
    ['The library alone', ''],
    ['own time an instance, batch 100', `${ownTime.batch100.toFixed(2)} µs`],
    ['own time an instance, batch 500', `${ownTime.batch500.toFixed(2)} µs`],
    ['5 paths, property access by hand', `${byHand.toFixed(0)} ns`],
    [
      '5 paths, compileExtractor',
      `${compileExtractor.toFixed(0)} ns (× ${(compileExtractor / byHand).toFixed(1)})`,
    ],
    [
      '5 paths, lodash.get with string paths',
      `${lodashGet.toFixed(0)} ns (× ${(lodashGet / byHand).toFixed(1)})`,
    ],
  ]);
}

export function scaleTable(steps: readonly ScaleStep[]): string {
  const rows = steps.map((step) => [
    step.instances.toLocaleString('en'),
    step.microsPerInstance.toFixed(1),
    step.workerCpu.toFixed(1),
    step.databaseCpu?.toFixed(1) ?? '',
    step.peakMegabytes.toFixed(0),
    step.heapMegabytes.toFixed(0),
    step.leftMegabytes.toFixed(1),
  ]);
  const header = [
    'instances',
    'µs an instance',
    'CPU µs worker',
    'database',
    'peak memory in MB',
    'heap',
    'left at the end',
  ];
  return table([header, ...rows]);
}

function compared(a: Measured, b: Measured | undefined, write: (ratio: number) => string): string {
  return b === undefined ? '' : write(ratio(a.micros, b.micros));
}

/** In Markdown, so that it can be kept. */
function table([header = [], ...rows]: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(...[header, ...rows].map((row) => row[column]?.length ?? 0), title.length),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `|${widths.map((width, column) => (column === 0 ? '-'.repeat(width + 2) : `${'-'.repeat(width + 1)}:`)).join('|')}|`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}
