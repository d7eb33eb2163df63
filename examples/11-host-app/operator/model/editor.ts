import { html } from 'hono/html';
import { messageArea } from '../parts.js';
import type { Html } from '../view.js';
import type { PathRow } from './path-form.js';

/**
 * The rows of keys and paths. Its buttons send the form, so they work without scripts, too.
 * @param options.action the address that answers the buttons
 * @param options.focus the id of the field that gets the focus
 */
export function editor(
  rows: readonly PathRow[],
  { action, focus }: { readonly action: string; readonly focus?: string | undefined },
): Html {
  const button = (value: string, name: string, text: string) =>
    html`<button class="small" aria-label="${name}" ${editButton(action, value)}>${text}</button>`;
  return html`<div id="editor" class="editor">
    ${/* The Enter key presses the first button of a form. */ html`<button hidden aria-label="Add a row" ${editButton(action, 'add')}></button>`}
    ${messageArea()}
    <div class="editor-head" aria-hidden="true"><span>Key</span><span>Path in the task data</span></div>
    ${rows.map(
      (row, index) => html`<div class="editor-row" role="group" aria-label="Row ${index + 1}">
        <label class="field"><span class="field-name">Key</span>
          <input name="key" value="${row.key}" id="key-${index}" aria-label="Key ${index + 1}"
            autocapitalize="off" spellcheck="false" ${focus === `key-${index}` ? 'autofocus' : ''} /></label>
        <label class="field"><span class="field-name">Path</span>
          <input name="path" value="${row.path}" id="path-${index}" aria-label="Path ${index + 1}"
            autocapitalize="off" spellcheck="false" ${focus === `path-${index}` ? 'autofocus' : ''} /></label>
        ${button(`remove:${index}`, `Remove row ${index + 1}`, 'Remove')}
      </div>`,
    )}
    <p>${button('add', 'Add a row', 'Add a row')}</p>
  </div>`;
}

/**
 * The attributes of a button that edits the rows, and sends the whole form for that. A refusal leaves the editor as it is.
 * @param value what `edited` does
 */
export function editButton(action: string, value: string): Html {
  return html`type="submit" name="edit" value="${value}" formaction="${action}" formnovalidate
    hx-post="${action}" hx-target="#editor" hx-swap="outerHTML"`;
}
