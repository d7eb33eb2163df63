import type { Hono } from 'hono';
import { html } from 'hono/html';
import type { MetadataColumn } from 'process-metadata-backfill';
import { legend, shareBar } from '../charts.js';
import { count, isoTime, percent, time } from '../format.js';
import { reasonIn } from '../guard.js';
import { Refusal } from '../refusal.js';
import { STATE_WORDS, tone, VERDICT_WORDS, verdictTone } from '../runs/run-words.js';
import { type Html, page, tokenField, type View } from '../view.js';
import { type Column, readColumns } from './read-columns.js';

/** How far each column of a model is filled, and what proves it. */
export function addColumnPages(app: Hono, view: View): void {
  app.get('/models/:model/columns', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const columns = await readColumns(view.service, model);
    const body = html`<h1>Columns</h1>
      <p class="lead">How far each column is filled, which run fills it, and whether a verification has found the same values in the task data.</p>
      ${
        columns.length === 0
          ? html`<p class="quiet">The model has no extraction paths.</p>`
          : html`${legend(PARTS)}
      <div class="cards">${columns.map((column) => columnCard(view, column))}</div>
      <form class="controls" method="post" action="${view.at('models', model.id, 'verify')}" aria-label="Verify">
        ${tokenField(c)}
        <label class="field"><span class="field-name">Reason</span>
          <input name="reason" maxlength="200" autocomplete="off" /></label>
        <button class="primary" type="submit">Verify all columns</button></form>`
      }`;
    return c.html(page(view, { title: 'Columns', operator, model: { id: model.id, tab: 'Columns' }, body }));
  });

  app.post('/models/:model/verify', async (c) => {
    const { model, operator } = await view.open(c, 'control');
    const reason = await reasonIn(c);
    const result = await view.service.verify({
      processModelId: model.id,
      paths: model.paths,
      differences: 'values',
      requestedBy: operator.name,
      ...(reason !== null && { reason }),
    });
    if (result.status === 'skipped') throw new Refusal(409, `Nothing was verified: ${result.reason}.`);
    await view.log({ runId: result.runId, who: operator.name, action: 'requested it', reason });
    return c.redirect(view.at('runs', result.runId), 303);
  });
}

const PARTS = ['Filled', 'Null in the data', 'Nothing at the path', 'Failed'];

function columnCard(view: View, { key, path, facts }: Column): Html {
  return html`<section class="card" aria-label="Column ${key}">
    <h2>${key}</h2><p><code>${path}</code></p>
    ${
      facts === null || facts.runId === null
        ? html`<p>No run fills this column from this path. Only saves of instances do. To fill the others, verify all columns and repair the differences.</p>`
        : certificate(view, facts)
    }
    ${facts?.tried === true && html`<p class="notice">A later run has read this key from another path in some instances. It cannot be verified until it is requested for the whole model.</p>`}
    ${verification(view, facts)}</section>`;
}

/** What the run that fills the column has done, as long as its records are stored. */
function certificate(view: View, column: MetadataColumn): Html {
  const { key, coverage, state, runId, requestedBy, requestedAt, completedAt } = column;
  if (coverage === null || state === null) return html`<p>The run that fills it is no longer stored.</p>`;
  const filled = coverage.written + coverage.kept;
  const rate = (n: number) => (coverage.total === 0 ? 0 : n / coverage.total);
  const at = completedAt ?? requestedAt;
  return html`
    ${shareBar(
      [filled, coverage.null, coverage.missing, coverage.failed].map(rate),
      `${key}: filled in ${percent(rate(filled))} of ${count(coverage.total)} instances`,
    )}
    <p><strong>${percent(rate(filled))}</strong> filled · ${count(filled)} of ${count(coverage.total)}
      ${coverage.missing > 0 && html` · ${count(coverage.missing)} with nothing there`}
      ${coverage.failed > 0 && html` · ${count(coverage.failed)} failed in that run`}</p>
    <p><span class="badge ${tone(state)}">${STATE_WORDS[state]}</span> ${runLink(view, runId, 'run', at)}
      ${requestedBy !== null && html`<span class="quiet">by ${requestedBy}</span>`}</p>`;
}

function verification(view: View, facts: MetadataColumn | null): Html {
  const [verifying] = facts?.verifyingRunIds ?? [];
  return html`${result(view, facts?.verified ?? null)}
    ${verifying !== undefined && html`<p><span class="badge busy">Being verified</span> by <a href="${view.at('runs', verifying)}">this run</a></p>`}`;
}

function result(view: View, verified: MetadataColumn['verified']): Html {
  if (verified === null) return html`<p><span class="badge still">Not verified</span></p>`;
  const { verdict, runId, at, absent, different, orphaned, duringFill } = verified;
  return html`<p><span class="badge ${verdictTone(verdict)}">${VERDICT_WORDS[verdict]}</span>
    ${runLink(view, runId, 'verification', at)}
    ${
      verdict === 'different' &&
      html`<span class="quiet">${count(absent)} absent, ${count(different)} different, ${count(orphaned)} orphaned</span>`
    }
    ${verdict !== 'equal' && duringFill && html`<span class="quiet">This verification began before the fill had ended. Verify again.</span>`}</p>`;
}

function runLink(view: View, runId: string | null, name: string, at: number | null): Html {
  if (runId === null || at === null) return html`${name}`;
  return html`<a href="${view.at('runs', runId)}">${name} of <time datetime="${isoTime(at)}">${time(at).slice(0, 16)}</time></a>`;
}
