import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { type InstanceFailure, isBackfillError, type RunStatus } from 'process-metadata-backfill';
import { counted, shortened, valueText } from '../format.js';
import type { Operator } from '../ports.js';
import { Refusal } from '../refusal.js';
import { table } from '../table.js';
import { type Html, page, type View } from '../view.js';

type Open = (
  c: Context,
  action: 'look',
) => Promise<{ readonly status: RunStatus; readonly operator: Operator }>;

/** All failures of a run by code, and all differences that a verification has found, 1,000 on a page. */
export function addFindingPages(app: Hono, view: View, open: Open): void {
  app.get('/runs/:run/failures', async (c) => {
    const { status, operator } = await open(c, 'look');
    const { failures, next } = await known(view.service.failures(status.runId, after(c)));
    const body = html`<h1>Failures</h1>
      <p class="lead">${counted(status.failed, 'instance')} failed in ${runLink(view, status)}.</p>
      <h2>By code</h2>${failuresByCode(view, status, failures)}${nextLink(view.at('runs', status.runId, 'failures'), next)}`;
    return c.html(
      page(view, { title: 'Failures', operator, model: { id: status.processModelId, tab: 'Runs' }, body }),
    );
  });

  app.get('/runs/:run/differences', async (c) => {
    const { status, operator } = await open(c, 'look');
    const { differences, next } = await known(view.service.differences(status.runId, after(c)));
    const body = html`<h1>Differences</h1>
      <p class="lead">What ${runLink(view, status)} has found between the stored values and the task data.</p>
      ${differences.length === 0 && html`<p class="quiet">There are none.</p>`}
      ${
        differences.length > 0 &&
        table({
          label: 'Differences',
          columns: ['Instance', 'Key', 'Difference', 'Stored', 'The path gives'],
          rows: differences.map(({ instanceId, key, code, stored, expected }) => [
            instanceLink(view, status, instanceId),
            key,
            CODES[code],
            shown(stored),
            shown(expected),
          ]),
        })
      }${nextLink(view.at('runs', status.runId, 'differences'), next)}`;
    return c.html(
      page(view, { title: 'Differences', operator, model: { id: status.processModelId, tab: 'Runs' }, body }),
    );
  });
}

const CODES = {
  ABSENT: 'Absent: no row is stored',
  DIFFERENT: 'Different: another value is stored',
  ORPHANED: 'Orphaned: the path finds nothing',
} as const;

/** Lists failures under their codes, each with a link to its instance. */
export function failuresByCode(
  view: View,
  run: Pick<RunStatus, 'processModelId'>,
  failures: readonly InstanceFailure[],
): Html {
  const byCode = new Map<string, InstanceFailure[]>();
  for (const failure of failures) {
    const same = byCode.get(failure.code);
    if (same === undefined) byCode.set(failure.code, [failure]);
    else same.push(failure);
  }
  return html`${[...byCode].map(
    ([code, some]) => html`<section class="card" aria-label="Failures with ${code}">
      <h3><code>${code}</code> ${counted(some.length, 'failure')}</h3>
      <ul class="plain">${some.map(
        ({
          instanceId,
          key,
          reason,
        }) => html`<li>${instanceLink(view, run, instanceId)}${key !== null && html`, key ${key}`}:
          ${shortened(reason, 300)}</li>`,
      )}</ul></section>`,
  )}`;
}

function instanceLink(
  view: View,
  { processModelId }: Pick<RunStatus, 'processModelId'>,
  id: string | number,
): Html {
  return html`<a href="${view.at('models', processModelId, 'instances', String(id))}">Instance ${id}</a>`;
}

function runLink(view: View, { runId }: RunStatus): Html {
  return html`<a href="${view.at('runs', runId)}">run ${runId}</a>`;
}

function nextLink(href: string, next: string | null): Html {
  return next === null
    ? html``
    : html`<p><a href="${href}?after=${encodeURIComponent(next)}" rel="next">Next page</a></p>`;
}

function shown(value: unknown): Html {
  if (value === undefined) return html`<span class="quiet">not stored</span>`;
  if (value === null) return html`<span class="quiet">nothing</span>`;
  return html`<span class="value">${valueText(value)}</span>`;
}

/** @throws {Refusal} if the address names a page that there is not. */
async function known<Page>(page: Promise<Page>): Promise<Page> {
  return page.catch((error) => {
    if (!isBackfillError(error, 'INVALID_INPUT')) throw error;
    throw new Refusal(400, 'There is no such page of this list. Begin with the first one.');
  });
}

function after(c: Context): { readonly after?: string } {
  const after = c.req.query('after');
  return after === undefined ? {} : { after };
}
