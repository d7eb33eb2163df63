import { singleStatement } from './candidates/single-statement.js';
import type { Comparison } from './measure.js';
import { median } from './median.js';
import { titleOf } from './scenario.js';

const WIDTH = 860;
const LABELS = 250;
const FIGURES = 150;
const ROW = 22;
const HEAD = 34;

/** Bars for the rate of each candidate, one panel a comparison. */
export function drawChart(comparisons: readonly Comparison[], caption: string): string {
  let top = 8;
  const panels = comparisons.map((comparison) => {
    const drawn = panel(comparison, top);
    top += HEAD + comparison.measured.length * ROW + 14;
    return drawn;
  });
  const height = top + 20;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="Helvetica, Arial, sans-serif" font-size="12">`,
    `<rect width="100%" height="100%" fill="#ffffff"/>`,
    ...panels,
    text(12, height - 10, caption, 'fill="#666666" font-size="11"'),
    '</svg>',
    '',
  ].join('\n');
}

function panel({ scenario, measured }: Comparison, top: number): string {
  const bars = measured.map(({ name, micros }) => ({ name, rate: 1e6 / median(micros) }));
  const most = Math.max(...bars.map(({ rate }) => rate));
  const span = WIDTH - LABELS - FIGURES;
  const rows = bars.map(({ name, rate }, index) => {
    const y = top + HEAD + index * ROW;
    const width = Math.max(1, (span * rate) / most);
    return [
      text(LABELS - 8, y + 14, name, 'text-anchor="end"'),
      `<rect x="${LABELS}" y="${y + 3}" width="${width.toFixed(1)}" height="${ROW - 7}" fill="${colourOf(name)}"/>`,
      text(LABELS + width + 6, y + 14, `${Math.round(rate).toLocaleString('en')} a second`, 'fill="#444444"'),
    ].join('\n');
  });
  return [text(12, top + 20, titleOf(scenario), 'font-size="14" font-weight="bold"'), ...rows].join('\n');
}

/** Grey: done otherwise; orange: the database on its own; blue: this library. */
function colourOf(name: string): string {
  if (name === singleStatement.name) return '#e08a1e';
  return /batch/.test(name) ? '#2b6cb0' : '#9aa5b1';
}

function text(x: number, y: number, content: string, attributes: string): string {
  const escaped = content.replace(/&/g, '&amp;').replace(/</g, '&lt;');
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped}</text>`;
}
