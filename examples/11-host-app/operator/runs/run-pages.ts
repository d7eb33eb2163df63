import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { RunStatus } from 'process-metadata-backfill';
import { reasonIn } from '../guard.js';
import type { Operator } from '../ports.js';
import { Refusal, refusalFor } from '../refusal.js';
import { alert, type Html, page, tokenField, type View } from '../view.js';
import { addFindingPages } from './finding-pages.js';
import { RUN_CONTROLS, type RunControl } from './run-controls.js';
import { addRunListPages } from './run-list-pages.js';
import { runLive, runTitle } from './run-live.js';
import type { LiveRun } from './watch-runs.js';

/** The lists of runs, the live page of each, and what people do to them. */
export function addRunPages(app: Hono, view: View): void {
  addRunListPages(app, view);

  app.get('/runs/:run', async (c) => {
    const { status, operator } = await open(c, 'look');
    const { runId, processModelId } = status;
    const actions = await view.actions.list(runId);
    const body = html`${runTitle(status)}
      ${c.req.query('failures') === 'left' && html`<p class="notice" role="status">${LEFT}</p>`}
      <div id="run" hx-sse:connect="${view.at('runs', runId, 'live')}" hx-swap="innerMorph"
        hx-sse:close="refused" hx-config='{"sse": {"reconnectMaxDelay": 3000}}'
        hx-trigger="${CONNECT}" hx-status:4xx="swap:none" hx-status:5xx="swap:none">${live(c, { status, actions })}</div>`;
    const model = { id: processModelId, tab: 'Runs' } as const;
    return c.html(page(view, { title: `Run of ${processModelId}`, operator, model, body }));
  });

  app.get('/runs/:run/live', async (c) => {
    // A browser that comes back wants a stream. After any other answer it would come back for ever.
    if (!c.req.header('accept')?.includes('text/event-stream')) await open(c, 'look');
    return streamSSE(c, async (stream) => {
      try {
        await sendRun(c, stream);
      } catch (error) {
        await sendRefusal(stream, error);
      }
    });
  });

  async function sendRun(c: Context, stream: SSEStreamingApi): Promise<void> {
    const { status } = await open(c, 'look');
    const ending = new AbortController();
    stream.onAbort(() => ending.abort());
    const beat = setInterval(() => stream.write(': still here\n\n'), 10_000);
    try {
      for await (const run of view.watch.follow(status.runId, ending.signal)) {
        await view.admit(c, 'look', status.processModelId); // it may have been withdrawn
        await stream.writeSSE({ data: String(await live(c, run)) });
      }
    } finally {
      clearInterval(beat);
    }
  }

  for (const [step, { button, action, fits, perform }] of Object.entries(RUN_CONTROLS)) {
    app.post(`/runs/:run/${step}`, async (c) => {
      const { status, operator } = await open(c, 'control');
      if (!fits(status))
        throw new Refusal(409, `“${button}” is not possible for this run now, so nothing was done.`);
      const reason = await reasonIn(c);
      const who = operator.name;
      const by = { requestedBy: who, ...(reason !== null && { reason }) };
      const { runId, created = true, left = false } = await perform(view, status, by);
      if (runId === status.runId) await view.log({ runId, who, action, reason });
      else {
        const requested = created ? 'requested it' : 'requested the same again';
        await view.log({ runId: status.runId, who, action: `${action}: run ${runId}`, reason });
        await view.log({ runId, who, action: `${requested} on the page of run ${status.runId}`, reason });
      }
      return c.redirect(view.at('runs', runId) + (left ? '?failures=left' : ''), 303);
    });
  }

  addFindingPages(app, view, open);

  async function open(
    c: Context,
    action: 'look' | 'control',
  ): Promise<{ readonly status: RunStatus; readonly operator: Operator }> {
    const runId = c.req.param('run') ?? '';
    if (!/^[A-Za-z0-9-]{1,100}$/.test(runId)) throw new Refusal(404, 'There is no such run.');
    const status = await view.service.status(runId);
    return { status, operator: await view.admit(c, action, status.processModelId) };
  }

  function live(c: Context, run: LiveRun): Html {
    return runLive(view, run, controls(c, run.status));
  }

  function controls(c: Context, status: RunStatus): Html {
    const steps = Object.entries(RUN_CONTROLS).filter(([, { fits }]) => fits(status));
    const [first] = steps;
    if (first === undefined) return html``;
    const at = (step: string) => view.at('runs', status.runId, step);
    return html`<form class="controls" method="post" action="${at(first[0])}" aria-label="Control the run">
      ${tokenField(c)}
      <label class="field"><span class="field-name">Reason</span>
        <input name="reason" id="reason" maxlength="200" autocomplete="off" /></label>
      ${steps.map(([step, control]) => controlButton(step, control, { status, address: at(step) }))}</form>`;
  }
}

/** A popover asks first, if there is a warning. It needs no script, and stays open while the page is sent again. */
function controlButton(
  step: string,
  { button, warning }: RunControl,
  { status, address }: { readonly status: RunStatus; readonly address: string },
): Html {
  const submit = html`<button type="submit" id="do-${step}" formaction="${address}">${button}</button>`;
  if (warning === undefined) return submit;
  return html`<button type="button" id="ask-${step}" popovertarget="asked-${step}">${button} …</button>
    <div class="asked" id="asked-${step}" popover role="dialog" aria-label="${button}?"><p>${warning(status)}</p>${submit}
      <button type="button" popovertarget="asked-${step}" popovertargetaction="hide" autofocus>Go back</button></div>`;
}

/** The last events of a stream: a sentence in the place of the run, and one that keeps the browser from coming back. */
async function sendRefusal(stream: SSEStreamingApi, error: unknown): Promise<void> {
  const refusal = refusalFor(error);
  if (refusal === null || refusal.status === 503) throw error;
  await stream.writeSSE({ data: String(await alert(refusal.message)) });
  await stream.writeSSE({ event: 'refused', data: '' });
}

/**
 * When the page connects: at once, and one second after each failure or error status. htmx itself only reconnects a stream that was open
 * before.
 */
const CONNECT = 'load, htmx:error from:self delay:1s, htmx:response:error from:self delay:1s';

const LEFT =
  'This run leaves out some of the failed instances: there were more than 10,000, or records of failures were deleted. When it has ended, verify the columns and repair the differences.';
