/**
 * Breaks a line at its blanks, so that no row is longer than `columns`. The rows after the first are indented by two more
 * than an indented line. A word that is longer than a row keeps a row of its own.
 */
export function wrapText(line: string, columns: number): string[] {
  if (line.length <= columns) return [line];
  const indent = /^ */.exec(line)?.[0] ?? '';
  const hanging = indent === '' ? '' : `${indent}  `;
  const rows: string[] = [];
  let row = indent;
  let isEmpty = true;
  for (const word of line.trim().split(/ +/)) {
    if (!isEmpty && row.length + 1 + word.length > columns) {
      rows.push(row);
      row = hanging;
      isEmpty = true;
    }
    row += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...rows, row];
}
