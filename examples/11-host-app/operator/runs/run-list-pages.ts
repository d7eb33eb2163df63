import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { RunSummary } from 'process-metadata-backfill';
import { shareBar } from '../charts.js';
import { count, duration, isoTime, percent, time } from '../format.js';
import { messageArea } from '../parts.js';
import type { Operator } from '../ports.js';
import { table } from '../table.js';
import { type Html, page, type View } from '../view.js';
import {
  isActive,
  progress,
  purpose,
  STATE_WORDS,
  tone,
  VERDICT_WORDS,
  verdictTone,
  waitingText,
} from './run-words.js';

const RUNS_PER_PAGE = 20;
const MOST_LISTS = 5;

/** The runs of one model, and those of all models that a person may look at, the newest ones first. */
export function addRunListPages(app: Hono, view: View): void {
  app.get('/runs', async (c) => {
    const { runs, next, operator } = await allowedRuns(c);
    const href = view.at('runs');
    const body = html`<h1>Runs</h1>${
      runs.length === 0 && next !== undefined
        ? html`<p class="quiet">You may look at none of the newest runs here.</p>`
        : runList(c, runs, { withModel: true })
    }${olderLink(href, next)}`;
    return c.html(page(view, { title: 'Runs', section: 'Runs', operator, body }));
  });

  app.get('/models/:model/runs', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const { id } = model;
    const found = await view.service.list({ processModelId: id, limit: RUNS_PER_PAGE + 1, ...before(c) });
    const runs = found.slice(0, RUNS_PER_PAGE);
    const next = found.length > runs.length ? runs.at(-1)?.runId : undefined;
    const body = html`<h1>Runs of this model</h1>
      ${runList(c, runs, { withModel: false })}${olderLink(view.at('models', id, 'runs'), next)}`;
    return c.html(page(view, { title: 'Runs of a model', operator, model: { id, tab: 'Runs' }, body }));
  });

  /** Goes on until the page is full or has looked at enough runs, because those that may not be seen are left out. */
  async function allowedRuns(c: Context) {
    const runs: RunSummary[] = [];
    const operators = new Map<string, Operator | null>();
    let operator: Operator | undefined;
    let { before: from } = before(c);
    for (let list = 0; list < MOST_LISTS; list += 1) {
      const found = await view.service.list({ limit: RUNS_PER_PAGE + 1, ...(from && { before: from }) });
      for (const run of found) {
        const { processModelId } = run;
        if (!operators.has(processModelId))
          operators.set(processModelId, await view.authorize(c.req.raw, { action: 'look', processModelId }));
        const allowed = operators.get(processModelId) ?? null;
        if (allowed === null) continue;
        operator = allowed;
        if (runs.length === RUNS_PER_PAGE) return { runs, operator, next: runs.at(-1)?.runId };
        runs.push(run);
      }
      if (found.length <= RUNS_PER_PAGE) return { runs, operator, next: undefined };
      from = found.at(-1)?.runId;
    }
    return { runs, operator, next: from };
  }

  /** While one of them is active, the list reads itself again. */
  function runList(
    c: Context,
    runs: readonly RunSummary[],
    { withModel }: { readonly withModel: boolean },
  ): Html {
    if (runs.length === 0) return html`<p class="quiet">There are no runs.</p>`;
    const { pathname, search } = new URL(c.req.url);
    const isLive = runs.some(({ state }) => state === 'pending' || state === 'running');
    return html`<div id="runs"
      ${isLive && html`hx-get="${pathname}${search}" hx-select="#runs" hx-swap="outerMorph" hx-trigger="every 2s"`}>
      ${messageArea()}${table({ label: 'List of runs', columns: COLUMNS, rows: runs.map((run) => cells(run, withModel)) })}</div>`;
  }

  function cells(run: RunSummary, withModel: boolean): (Html | string)[] {
    const done = percent(progress(run));
    const { createdAt, verdict } = run;
    return [
      html`<a href="${view.at('runs', run.runId)}"><time datetime="${isoTime(createdAt)}">${time(createdAt).slice(0, 16)}</time></a>
        <span class="origin">${purpose(run)}${withModel && html` of ${run.processModelId}`}</span>`,
      html`<span class="badge ${tone(run.state)}">${STATE_WORDS[run.state]}</span>
        ${verdict !== null && !isActive(run.state) && html`<span class="badge ${verdictTone(verdict)}">${VERDICT_WORDS[verdict]}</span>`}
        ${run.waiting !== null && html`<span class="origin">${waitingText(run.waiting)}</span>`}`,
      run.paths.map(({ key }) => key).join(', '),
      html`${run.requestedBy ?? '–'}${run.reason !== null && html`<span class="origin">${run.reason}</span>`}`,
      html`${done} ${shareBar([progress(run)], `${done} visited`)}`,
      count(run.failed),
      run.ratePerSecond > 0 ? `${count(run.ratePerSecond)}/s` : '–',
      isActive(run.state) && run.etaMs !== null ? duration(run.etaMs) : '–',
    ];
  }
}

const COLUMNS = ['Run', 'State', 'Keys', 'Who and why', 'Progress', 'Failed', 'Rate', 'Time left'];

function before(c: Context): { readonly before?: string } {
  const before = c.req.query('before');
  return before === undefined ? {} : { before };
}

function olderLink(href: string, next: string | undefined): Html {
  if (next === undefined) return html``;
  return html`<p><a href="${href}?before=${encodeURIComponent(next)}" rel="next">Older runs</a></p>`;
}
