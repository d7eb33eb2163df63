import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { ServicePreview } from 'process-metadata-backfill';
import { type Column, readColumns } from '../columns/read-columns.js';
import { isoTime, shortened, time, valueText } from '../format.js';
import { BadCursor, type InstanceDetail, type ReportRow, type StoredModel } from '../ports.js';
import { Refusal } from '../refusal.js';
import { table } from '../table.js';
import { type Html, page, type View } from '../view.js';
import { type CellOrigin, explainCell } from './explain-cell.js';
import { readWriters, type Writer } from './read-writers.js';
import { queryOf, type ReportAddress, readAddress, unknownIn } from './report-query.js';

const ROWS_PER_PAGE = 25;

/** What explains the cells. */
interface Explained {
  readonly columns: readonly Column[];
  readonly runs: readonly Writer[];
}

/** The report of instances, and a page for each of them. */
export function addInstancePages(app: Hono, view: View): void {
  app.get('/models/:model/instances', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const keys = model.paths.map(({ key }) => key);
    const { searchParams } = new URL(c.req.url);
    const address = readAddress(searchParams, keys, view.instances.statuses);
    const unknown = unknownIn(searchParams, keys, view.instances.statuses);
    const [report, columns] = await Promise.all([
      view.instances.page({ processModelId: model.id, ...address, limit: ROWS_PER_PAGE }).catch((error) => {
        if (!(error instanceof BadCursor)) throw error;
        throw new Refusal(400, 'There is no such page of the report. Begin with the first one.');
      }),
      readColumns(view.service, model),
    ]);
    const runs = await readWriters(view.service, model.id, { columns, rows: report.rows });
    const here = view.at('models', model.id, 'instances');
    const body = html`<h1>Instances</h1>
      <p class="lead">The metadata of each instance, with where a value comes from, or why there is none.</p>
      ${filters(address, keys, view.instances.statuses, here)}
      ${unknown.map((sentence) => html`<p class="notice">${shortened(sentence, 200)}</p>`)}
      ${leftOut(address, view.instances.maxComparedLength)}
      ${
        report.rows.length === 0
          ? html`<p class="notice">${report.next === null ? 'No instance fits.' : 'No instance fits so far. The next page looks further.'}</p>`
          : html`<div class="scroll report" tabindex="0" role="region" aria-label="Instances"><table>
        <thead><tr>${head(address, here, null, 'Instance')}<th scope="col">Status</th>
          ${columns.map(({ key, path }) => head(address, here, key, key, path))}</tr></thead>
        <tbody>${report.rows.map((row) => reportRow(model, row, { columns, runs }))}</tbody></table></div>`
      }
      <nav class="pager" aria-label="Pages of the report">
        ${address.after !== null && html`<a href="${here}${queryOf(address)}">First page</a>`}
        ${report.next !== null && html`<a href="${here}${queryOf(address, { after: report.next })}" rel="next">Next page</a>`}</nav>`;
    return c.html(
      page(view, { title: 'Instances', operator, model: { id: model.id, tab: 'Instances' }, body }),
    );
  });

  app.get('/models/:model/instances/:instance', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const instance = await view.instances.find(model.id, c.req.param('instance'));
    if (instance === null) throw new Refusal(404, 'There is no such instance of this process model.');
    const columns = await readColumns(view.service, model);
    const runs = await readWriters(view.service, model.id, { columns, rows: [instance] });
    const preview =
      model.paths.length === 0
        ? null
        : await view.service.preview({
            processModelId: model.id,
            paths: model.paths,
            instanceIds: [instance.id],
          });
    const body = instanceBody(instance, { columns, runs }, preview);
    const title = `Instance ${instance.id}`;
    return c.html(page(view, { title, operator, model: { id: model.id, tab: 'Instances' }, body }));
  });

  function reportRow(model: StoredModel, row: ReportRow, { columns, runs }: Explained): Html {
    return html`<tr><th scope="row"><a href="${view.at('models', model.id, 'instances', String(row.id))}">${row.id}</a>
        <span class="origin"><time datetime="${isoTime(row.startedAt)}">${time(row.startedAt).slice(0, 10)}</time></span></th>
      <td>${row.status}</td>
      ${columns.map((column) => html`<td>${cellValue(row, column.key)}${origin(explainCell(row, column, runs))}</td>`)}</tr>`;
  }

  function origin({ text, run, path, reason }: CellOrigin): Html {
    if (run === null) return html`<span class="origin">${text}</span>`;
    return html`<span class="origin">${text} <a href="${view.at('runs', run.runId)}">${time(run.createdAt).slice(5, 16)}</a>${reason !== null && html`: ${reason}`}
      ${path !== null && html`<code>${path}</code>`}</span>`;
  }

  function instanceBody(
    instance: InstanceDetail,
    { columns, runs }: Explained,
    preview: ServicePreview | null,
  ): Html {
    return html`<h1>Instance ${instance.id}</h1>
      <p class="lead">${instance.status}, started <time datetime="${isoTime(instance.startedAt)}">${time(instance.startedAt)}</time></p>
      ${table({
        label: 'Metadata',
        columns: ['Key', 'Stored', 'Where it comes from', 'The path gives now'],
        rows: columns.map((column) => [
          html`${column.key} <span class="origin"><code>${column.path}</code></span>`,
          cellValue(instance, column.key),
          origin(explainCell(instance, column, runs)),
          givenNow(preview, column.key),
        ]),
      })}
      <h2>Newest task data</h2>
      ${
        instance.taskData === null
          ? html`<p class="quiet">No task has completed.</p>`
          : html`<pre tabindex="0" aria-label="Newest task data"><code>${pretty(instance.taskData)}</code></pre>`
      }`;
  }
}

function cellValue({ cells }: ReportRow, key: string): Html {
  const value = Object.hasOwn(cells, key) ? (cells[key]?.value ?? null) : null;
  if (value === null) return html`<span class="quiet">empty</span>`;
  return html`<span class="value">${shortened(valueText(value), 120)}</span>`;
}

/** What a run would find in this instance now. */
function givenNow(preview: ServicePreview | null, key: string): Html {
  const one = preview !== null && Object.hasOwn(preview.keys, key) ? preview.keys[key] : undefined;
  if (one === undefined) return html`<span class="quiet">–</span>`;
  if (one.failed.count > 0) return html`<span class="badge bad">Not readable</span>`;
  const value = one.samples[0]?.after ?? null;
  if (value !== null) return html`<span class="value">${shortened(valueText(value), 120)}</span>`;
  return html`<span class="quiet">${one.null.count > 0 ? 'null' : 'nothing there'}</span>`;
}

/** Broken JSON is shown as it is. */
function pretty(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function head(address: ReportAddress, here: string, sort: string | null, name: string, path?: string): Html {
  const isSorted = address.sort === sort;
  const href = here + queryOf(address, { sort, descending: isSorted ? !address.descending : false });
  const order = isSorted ? (address.descending ? 'descending' : 'ascending') : 'none';
  return html`<th scope="col" aria-sort="${order}"><a class="sort" href="${href}">${name}${isSorted && (address.descending ? ' ↓' : ' ↑')}</a>
    ${path !== undefined && html`<span class="origin"><code>${path}</code></span>`}</th>`;
}

/** Says which instances a report does not have, although a person may look for them. */
function leftOut({ sort, filter }: ReportAddress, maxComparedLength: number): Html {
  return html`
    ${sort !== null && html`<p class="quiet">Sorted by ${sort}. Instances without a value of it, or with one of more than ${maxComparedLength} characters, are left out.</p>`}
    ${filter?.is === 'equal' && html`<p class="quiet">“is” does not find values of more than ${maxComparedLength} characters.</p>`}`;
}

function filters(
  { status, filter, sort, descending }: ReportAddress,
  keys: readonly string[],
  statuses: readonly string[],
  action: string,
): Html {
  const option = (value: string, text: string, isChosen: boolean) =>
    html`<option value="${value}" ${isChosen ? 'selected' : ''}>${text}</option>`;
  return html`<form class="filters" method="get" action="${action}" aria-label="Filter">
    ${sort !== null && html`<input type="hidden" name="sort" value="${sort}" />`}
    <input type="hidden" name="order" value="${descending ? 'down' : 'up'}" />
    <label class="field"><span class="field-name">Status</span><select name="status">
      ${option('', 'All', status === null)}${statuses.map((one) => option(one, one, one === status))}</select></label>
    <label class="field"><span class="field-name">Column</span><select name="key">
      ${option('', 'Any', filter === null)}${keys.map((key) => option(key, key, key === filter?.key))}</select></label>
    <label class="field"><span class="field-name">Condition</span><select name="is">
      ${option('equal', 'is', filter?.is === 'equal')}${option('filled', 'has a value', filter?.is === 'filled')}
      ${option('empty', 'is empty', filter?.is === 'empty')}</select></label>
    <label class="field"><span class="field-name">Value</span><input name="value" value="${filter?.is === 'equal' ? filter.value : ''}" /></label>
    <button type="submit">Filter</button></form>`;
}
