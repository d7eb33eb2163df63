import { html } from 'hono/html';
import type { Html } from './view.js';

export interface TableParts {
  /** What a screen reader calls it. */
  readonly label: string;
  readonly caption?: string;
  readonly columns: readonly string[];
  /** One cell per column. The first one is the heading of its row. */
  readonly rows: readonly (readonly (Html | string)[])[];
}

/** A table whose rows become cards on a phone. Its roles are written out, because a browser drops them with the layout. */
export function table({ label, caption, columns, rows }: TableParts): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="${label}"><table class="stacked" role="table" aria-label="${label}">
    ${caption !== undefined && html`<caption>${caption}</caption>`}
    <thead role="rowgroup"><tr role="row">${columns.map((column) => html`<th scope="col" role="columnheader">${column}</th>`)}</tr></thead>
    <tbody role="rowgroup">${rows.map(
      ([heading = '', ...cells]) => html`<tr role="row"><th scope="row" role="rowheader">${heading}</th>
        ${cells.map((cell, index) => html`<td role="cell" data-label="${columns[index + 1]}">${cell}</td>`)}</tr>`,
    )}</tbody></table></div>`;
}
