import type { Context } from 'hono';
import { html, raw } from 'hono/html';
import type { HtmlEscapedString } from 'hono/utils/html';
import { tokenOf } from './guard.js';
import type { NewAction, Operator, OperatorOptions, StoredModel, Wanted } from './ports.js';
import { Refusal } from './refusal.js';
import type { RunWatch } from './runs/watch-runs.js';

export type Html = HtmlEscapedString | Promise<HtmlEscapedString>;

/** What every page has at hand. */
export interface View extends OperatorOptions {
  readonly watch: RunWatch;
  /** The address of a page, such as `at('runs', runId)`. */
  at(...steps: readonly string[]): string;
  /** @throws {Refusal} if `authorize` refuses. */
  admit(c: Context, action: Wanted['action'], processModelId: string): Promise<Operator>;
  /** The model that the address names. @throws {Refusal} if there is none, or `authorize` refuses. */
  open(
    c: Context,
    action: Wanted['action'],
  ): Promise<{ readonly model: StoredModel; readonly operator: Operator }>;
  /** Logs what somebody has done. It is done, so a log that fails stops nobody. */
  log(action: NewAction): Promise<void>;
}

export function createView(options: OperatorOptions, watch: RunWatch): View {
  const base = options.basePath.replace(/\/+$/, '');
  const view: View = {
    ...options,
    watch,
    at: (...steps) => [base, ...steps.map(encodeURIComponent)].join('/'),
    async admit(c, action, processModelId) {
      const operator = await options.authorize(c.req.raw, { action, processModelId });
      if (operator === null) throw new Refusal(403, REFUSED[action]);
      return operator;
    },
    async open(c, action) {
      const id = c.req.param('model') ?? '';
      const operator = await view.admit(c, action, id);
      return { operator, model: await findModel(options, id) };
    },
    log: (action) => options.actions.add(action).catch((error) => console.error(error)),
  };
  return view;
}

/** @throws {Refusal} if there is no such model. */
export async function findModel(
  { models }: Pick<OperatorOptions, 'models'>,
  id: string,
): Promise<StoredModel> {
  const model = await models.find(id);
  if (model === null)
    throw new Refusal(404, `There is no process model ${JSON.stringify(id.slice(0, 200))}.`);
  return model;
}

const REFUSED: Readonly<Record<Wanted['action'], string>> = {
  look: 'You may not look at this process model, its instances or its runs.',
  edit: 'You may not change this process model.',
  control: 'You may not control the runs of this process model.',
};

export interface PageParts {
  readonly title: string;
  /** Which link of the main navigation leads here. */
  readonly section?: 'Models' | 'Runs';
  readonly operator?: Operator | undefined;
  /** The model that the page is about, and which of its pages this one is. */
  readonly model?: { readonly id: string; readonly tab: ModelTab } | undefined;
  readonly body: Html;
}

export type ModelTab = 'Model' | 'Runs' | 'Instances' | 'Columns';

/** A whole page. */
export function page(view: View, { title, section, operator, model, body }: PageParts): Html {
  return html`<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <meta name="htmx-config" content='${raw(HTMX_CONFIG)}' />
    <title>${title} · Metadata</title>
    <link rel="icon" href="${view.at('assets', 'icon.svg')}" type="image/svg+xml" />
    <link rel="stylesheet" href="${view.at('assets', 'operator.css')}" />
    <script src="${view.at('assets', 'htmx.js')}" defer></script>
  </head>
  <body>
    <a class="skip" href="#main">Skip to the content</a>
    <header><div class="top">
      <nav aria-label="Main">
        <a class="brand" href="${view.at('models')}">Metadata</a>
        <a href="${view.at('models')}" ${section === 'Models' ? raw('aria-current="page"') : ''}>Models</a>
        <a href="${view.at('runs')}" ${section === 'Runs' ? raw('aria-current="page"') : ''}>Runs</a>
      </nav>
      ${operator && html`<p class="who">Signed in as <strong>${operator.name}</strong></p>`}
    </div>
    ${model && modelHeader(view, model)}</header>
    <main id="main" tabindex="-1">${body}</main>
  </body>
</html>`;
}

/** No inline style, no evaluated code: the policy of the pages forbids both. */
const HTMX_CONFIG = JSON.stringify({
  includeIndicatorCSS: false,
  prefix: '',
  history: false,
  extensions: 'sse',
  // A proxy's error must not take the place of what somebody has typed.
  noSwap: [204, 304, 502, 504],
});

function modelHeader(view: View, { id, tab }: NonNullable<PageParts['model']>): Html {
  const tabs: readonly [ModelTab, string][] = [
    ['Model', view.at('models', id)],
    ['Runs', view.at('models', id, 'runs')],
    ['Instances', view.at('models', id, 'instances')],
    ['Columns', view.at('models', id, 'columns')],
  ];
  return html`<div class="model-bar">
    <p class="model-name"><span class="quiet">Process model</span> <strong>${id}</strong></p>
    <nav class="tabs" aria-label="Process model">
      ${tabs.map(([name, href]) => html`<a href="${href}" ${name === tab ? raw('aria-current="page"') : ''}>${name}</a>`)}
    </nav>
  </div>`;
}

/**
 * The hidden field that each form of a change needs.
 * @param options.replacing puts it in the place of the one that the page has
 */
export function tokenField(c: Context, { replacing = false } = {}): Html {
  return html`<input type="hidden" name="token" id="token" value="${tokenOf(c)}" ${replacing ? raw('hx-swap-oob="true"') : ''} />`;
}

/** A sentence that says what went wrong. */
export function alert(sentence: string | Html): Html {
  return html`<div class="notice bad" role="alert"><p>${sentence}</p></div>`;
}
