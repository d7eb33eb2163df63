import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import { diffExtractionPaths, isBackfillError } from 'process-metadata-backfill';
import { counted, pathText } from '../format.js';
import { readForm } from '../guard.js';
import { goTo, isPart } from '../parts.js';
import type { Operator, StoredModel } from '../ports.js';
import type { RefusalStatus } from '../refusal.js';
import { alert, findModel, type Html, page, tokenField, type View } from '../view.js';
import { editor } from './editor.js';
import {
  edited,
  focusAfter,
  isBlank,
  openQuestions,
  type PathForm,
  type PathRow,
  pathsOf,
  readPathForm,
  rowsOf,
} from './path-form.js';
import { previewPanel } from './preview-panel.js';

/** The list of models, and the editor of each. */
export function addModelPages(app: Hono, view: View): void {
  app.get('/models', async (c) => {
    const models = await view.models.list();
    const seen = await Promise.all(
      models.map(async (model) => ({
        model,
        operator: await view.authorize(c.req.raw, { action: 'look', processModelId: model.id }),
      })),
    );
    const allowed = seen.filter(({ operator }) => operator !== null);
    const body = html`<h1>Models</h1>
      <p class="lead">A process model says which values of its instances become columns of reports.</p>
      <ul class="plain list">${allowed.map(
        ({ model }) => html`<li class="card"><h2><a href="${view.at('models', model.id)}">${model.id}</a></h2>
          <p>${counted(model.paths.length, 'column')}: ${model.paths.map(({ key }) => key).join(', ') || 'none yet'}</p></li>`,
      )}</ul>
      ${allowed.length === 0 && html`<p>There is no model that you may look at.</p>`}`;
    return c.html(
      page(view, { title: 'Models', section: 'Models', operator: allowed[0]?.operator ?? undefined, body }),
    );
  });

  app.get('/models/:model', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const form = blankForm(model);
    return c.html(modelPage(c, { model, operator, form, message: null }));
  });

  app.post('/models/:model/edit', async (c) => {
    const { model, operator } = await view.open(c, 'look');
    const sent = await readForm(c);
    const form = readPathForm(sent);
    const button = String(sent.get('edit') ?? '');
    const rows = edited(form.rows, button);
    const message = form.revision === model.revision ? null : alert(STALE_NOW);
    if (!isPart(c)) return c.html(modelPage(c, { model, operator, form: { ...form, rows }, message }));
    c.header('hx-trigger', 'edited');
    return c.html(
      editor(rows, { action: view.at('models', model.id, 'edit'), focus: focusAfter(button, rows) }),
    );
  });

  app.post('/models/:model/preview', async (c) => {
    const { model } = await view.open(c, 'look');
    return c.html(await panel(model, readPathForm(await readForm(c)), c.req.raw.signal));
  });

  app.post('/models/:model/save', async (c) => {
    const { model, operator } = await view.open(c, 'edit');
    const form = readPathForm(await readForm(c));
    const refuse = (status: RefusalStatus, message: string | Html, now: StoredModel = model) =>
      // It shows both versions, so that saving again is a decision.
      c.html(
        modelPage(c, {
          model: now,
          operator,
          form: { ...form, revision: now.revision },
          message: alert(message),
        }),
        status,
      );
    const paths = pathsOf(form.rows, model.paths);
    if (form.revision !== model.revision) return refuse(409, STALE);
    let open_: string[];
    try {
      open_ = openQuestions(diffExtractionPaths(model.paths, paths), form);
    } catch (error) {
      if (!isBackfillError(error, 'INVALID_PATHS')) throw error;
      return refuse(422, problemList(error.problems, form.rows));
    }
    if (open_.length > 0) return refuse(422, open_.join(' '));
    const saved = await view.models.save({
      processModelId: model.id,
      revision: form.revision,
      paths,
      includeChanged: form.changed === 'recompute',
      removed: form.removed ?? 'keep',
      requestedBy: operator.name,
      reason: form.reason || null,
    });
    if (saved.status === 'stale') return refuse(409, STALE, await findModel(view, model.id));
    const { request } = saved;
    if (request === null) return goTo(c, `${view.at('models', model.id)}?saved=later`);
    if (request.status === 'skipped') return goTo(c, `${view.at('models', model.id)}?saved=only`);
    await view.log({
      runId: request.runId,
      who: operator.name,
      action: request.created ? 'requested it by saving the model' : 'requested the same again',
      reason: form.reason || null,
    });
    return goTo(c, view.at('runs', request.runId));
  });

  async function panel(model: StoredModel, form: PathForm, signal: AbortSignal): Promise<Html> {
    if (form.revision !== model.revision) return html`<h2>What saving does</h2>${alert(STALE_NOW)}`;
    const after = pathsOf(form.rows, model.paths);
    try {
      const preview = await view.service.preview({
        processModelId: model.id,
        before: model.paths,
        after,
        includeChanged: form.changed === 'recompute',
        signal,
      });
      return previewPanel(preview, form, { editAction: view.at('models', model.id, 'edit') });
    } catch (error) {
      if (!isBackfillError(error, 'INVALID_PATHS')) throw error;
      return html`<h2>What saving does</h2>${alert(problemList(error.problems, form.rows))}`;
    }
  }

  interface ModelPage {
    readonly model: StoredModel;
    readonly operator: Operator;
    readonly form: PathForm;
    readonly message: Html | null;
  }

  function modelPage(c: Context, { model, operator, form, message }: ModelPage): Html {
    const at = (step: string) => view.at('models', model.id, step);
    const body = html`<h1>Extraction paths</h1>
      <p class="lead">Each path reads one value in the newest task data of an instance, and stores it under its key.</p>
      ${message}
      ${message !== null && html`<p>Saved at present: ${model.paths.map(({ key, path }) => `${key} (${pathText(path)})`).join(', ')}</p>`}
      ${savedNote(c.req.query('saved'))}
      <form id="paths" method="post" action="${at('save')}" hx-post="${at('save')}" hx-target="#main" hx-select="#main"
        hx-swap="outerHTML show:top">
        ${tokenField(c)}
        <input type="hidden" name="revision" value="${form.revision}" />
        ${editor(form.rows, { action: at('edit') })}
        <div id="preview" class="preview" hx-post="${at('preview')}" hx-swap="innerMorph"
          hx-sync="this:replace" hx-trigger="load, input from:#paths delay:350ms, edited from:body">
          <h2>What saving does</h2><p class="quiet">Looking at a sample of the instances …</p></div>
        <div class="save">
          <label class="field"><span class="field-name">Why (optional)</span>
            <input name="reason" maxlength="200" value="${form.reason}" autocomplete="off" /></label>
          <button class="primary" type="submit">Save the model</button>
        </div>
      </form>`;
    return page(view, { title: model.id, operator, model: { id: model.id, tab: 'Model' }, body });
  }
}

function savedNote(saved: string | undefined): Html {
  if (saved !== 'only' && saved !== 'later') return html``;
  const what = saved === 'only' ? 'No run was needed.' : 'Its run is requested within seconds; see Runs.';
  return html`<p class="notice good" role="status">Saved. ${what}</p>`;
}

const STALE_NOW =
  'Somebody else has saved this model since you opened it. Your next save will be refused and show both versions. Then you can save again.';
const STALE =
  'Somebody else has saved this model in between, so your changes were not saved. They are still in the form: compare, and save again if they are still right.';

function blankForm({ revision, paths }: StoredModel): PathForm {
  return {
    revision,
    rows: [...rowsOf(paths), { key: '', path: '' }],
    removed: null,
    changed: null,
    reason: '',
  };
}

/** The problems name their path by its index: `[0]: …`. People count rows from one, blank ones included. */
function problemList(problems: readonly string[], rows: readonly PathRow[]): Html {
  const rowNumbers = rows.flatMap((row, index) => (isBlank(row) ? [] : [index + 1]));
  const named = problems.map((problem) =>
    problem.replace(
      /(?<=^| is already used by )\[(\d+)\]/g,
      (_, index, at) => `${at === 0 ? 'Row' : 'row'} ${rowNumbers[Number(index)]}`,
    ),
  );
  return html`These paths cannot be used, so nothing was saved.
    <ul>${named.slice(0, 20).map((problem) => html`<li>${problem}</li>`)}</ul>`;
}
