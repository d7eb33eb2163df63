import { singleStatement } from './candidates/single-statement.js';
import { singleUpdate } from './candidates/single-update.js';
import type { Comparison } from './measure.js';
import { median } from './median.js';
import { titleOf } from './scenario.js';

const COLUMN = 440;
const LABELS = 200;
const FIGURES = 62;
const ROW = 18;
const HEAD = 30;
const GAP = 16;

/** Bars for the rate of each candidate: a panel a comparison, two side by side. */
export function drawChart(compared: readonly Comparison[], caption: string): string {
  const comparisons = compared.map(({ scenario, measured }) => ({
    scenario,
    measured: measured.filter(({ isAside }) => !isAside),
  }));
  let top = GAP;
  const drawn: string[] = [];
  for (let first = 0; first < comparisons.length; first += 2) {
    const pair = comparisons.slice(first, first + 2);
    drawn.push(...pair.map((comparison, column) => panel(comparison, column * COLUMN, top)));
    top += HEAD + Math.max(...pair.map(({ measured }) => measured.length)) * ROW + GAP;
  }
  const [width, height] = [2 * COLUMN, top + GAP];
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="11">`,
    '<title>Instances a second, by candidate</title>',
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...drawn,
    text(12, height - 10, `Instances a second · ${caption}`, 'fill="#666666"'),
    '</svg>',
    '',
  ].join('\n');
}

function panel({ scenario, measured }: Comparison, left: number, top: number): string {
  const bars = measured.map(({ name, micros }) => ({ name, rate: 1e6 / median(micros) }));
  const most = Math.max(...bars.map(({ rate }) => rate));
  const [start, span] = [left + LABELS, COLUMN - LABELS - FIGURES];
  const rows = bars.map(({ name, rate }, index) => {
    const y = top + HEAD + index * ROW;
    const width = Math.max(1, (span * rate) / most);
    return [
      text(start - 6, y + 12, name, 'text-anchor="end"'),
      `<rect x="${start}" y="${y + 2}" width="${width.toFixed(1)}" height="${ROW - 5}" fill="${colourOf(name)}"/>`,
      text(start + width + 5, y + 12, Math.round(rate).toLocaleString('en'), 'fill="#444444"'),
    ].join('\n');
  });
  const title = text(left + 12, top + 14, titleOf(scenario), 'font-size="13" font-weight="bold"');
  return [title, ...rows].join('\n');
}

/** Grey: done otherwise; orange: the database on its own; blue: this library. */
function colourOf(name: string): string {
  if (name === singleStatement.name || name === singleUpdate.name) return '#e08a1e';
  return /batch/.test(name) ? '#2b6cb0' : '#9aa5b1';
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped}</text>`;
}
