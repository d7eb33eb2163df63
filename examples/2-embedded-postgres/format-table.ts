export interface TableRow {
  readonly cells: readonly string[];
  /** A remark: right of the row if that fits, otherwise below it. */
  readonly note?: string | undefined;
}

const GAP = '  ';

/** Formats a table, the heading first. A table that is too wide gets cells of several lines, broken after blanks and `_`. */
export function formatTable(table: readonly TableRow[], columns: number): string[] {
  const rows = table.map(({ cells }) => cells);
  const widths = fitWidths(rows, columns);
  const width = tableWidth(widths);
  const longestNote = Math.max(...table.map(({ note = '' }) => note.length));
  const isBeside = width + GAP.length + '← '.length + longestNote <= columns;
  return table.flatMap(({ cells, note }) => {
    const lines = formatRow(cells, widths);
    if (note === undefined) return lines;
    if (!isBeside) return [...lines, `${GAP}${' '.repeat(widths[0] ?? 0)}${GAP}↑ ${note}`];
    return lines.map((line, index) => (index === 0 ? `${line.padEnd(width)}${GAP}← ${note}` : line));
  });
}

/** Narrows one column after the other: always the one that adds the fewest lines, and of these the one that saves most. */
function fitWidths(rows: readonly (readonly string[])[], columns: number): number[] {
  let widths =
    rows[0]?.map((_, column) => Math.max(...rows.map((cells) => cells[column]?.length ?? 0))) ?? [];
  while (tableWidth(widths) > columns) {
    const [best] = widths
      .map((width, column) => widths.with(column, narrowerWidth(rows, column, width)))
      .filter((narrower) => tableWidth(narrower) < tableWidth(widths))
      .sort((a, b) => heightOf(rows, a) - heightOf(rows, b) || tableWidth(a) - tableWidth(b));
    if (best === undefined) break;
    widths = best;
  }
  return widths;
}

function narrowerWidth(rows: readonly (readonly string[])[], column: number, width: number): number {
  const lines = rows.flatMap((cells) => wrapCell(cells[column] ?? '', width - 1));
  return Math.max(...lines.map((line) => line.length));
}

function heightOf(rows: readonly (readonly string[])[], widths: readonly number[]): number {
  return rows.reduce((height, cells) => height + formatRow(cells, widths).length, 0);
}

function tableWidth(widths: readonly number[]): number {
  return widths.reduce((sum, width) => sum + GAP.length + width, 0);
}

function formatRow(cells: readonly string[], widths: readonly number[]): string[] {
  const wrapped = cells.map((cell, column) => wrapCell(cell, widths[column] ?? 0));
  const height = Math.max(...wrapped.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) =>
    wrapped
      .map((lines, column) => GAP + (lines[line] ?? '').padEnd(widths[column] ?? 0))
      .join('')
      .trimEnd(),
  );
}

function wrapCell(cell: string, width: number): string[] {
  const lines: string[] = [];
  for (const piece of cell.split(/(?<=[ _])/)) {
    const line = (lines.at(-1) ?? '') + piece;
    if (lines.length > 0 && line.trimEnd().length <= width) lines[lines.length - 1] = line;
    else lines.push(piece);
  }
  return lines.map((line) => line.trimEnd());
}
