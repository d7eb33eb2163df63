import { Hono } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { addAssets } from './assets.js';
import { addColumnPages } from './columns/columns-page.js';
import { guard, harden } from './guard.js';
import { addInstancePages } from './instances/instance-pages.js';
import { addModelPages } from './model/model-pages.js';
import type { OperatorOptions } from './ports.js';
import { Refusal, refusalFor } from './refusal.js';
import { refusedPage } from './refused-page.js';
import { addRunPages } from './runs/run-pages.js';
import { createRunWatch } from './runs/watch-runs.js';
import { createView } from './view.js';

export interface OperatorPages {
  /** Answers a request below `basePath`. */
  fetch(request: Request): Promise<Response>;
  /** Ends all live streams. Call it before the server closes. */
  close(): void;
}

const MOST_BYTES = 262_144;

/**
 * The pages of an operator: models, runs, instances and columns. They answer standard requests, so any framework can mount them.
 * @example
 * const pages = createOperatorPages({ service, models, instances, actions, authorize, basePath: '/operator', origins });
 * app.all('/operator', (c) => pages.fetch(c.req.raw));
 * app.all('/operator/*', (c) => pages.fetch(c.req.raw));
 */
export function createOperatorPages(options: OperatorOptions): OperatorPages {
  const watch = createRunWatch(async (runId) => ({
    status: await options.service.status(runId),
    actions: await options.actions.list(runId),
  }));
  const view = createView(options, watch);
  const base = view.at();
  const app = new Hono({ strict: false }).basePath(base); // a slash at the end does no harm
  app.use(harden);
  app.use(
    bodyLimit({
      maxSize: MOST_BYTES,
      onError: (c) => refusedPage(view, c, new Refusal(413, TOO_LARGE)),
    }),
  );
  app.use(guard(options.origins, base === '' ? '/' : base));
  app.get('/', (c) => c.redirect(view.at('models')));
  addAssets(app);
  addModelPages(app, view);
  addRunPages(app, view);
  addInstancePages(app, view);
  addColumnPages(app, view);
  app.notFound((c) => refusedPage(view, c, new Refusal(404, 'There is no such page.')));
  app.onError((error, c) => {
    if (c.req.raw.signal.aborted) return c.body(null, 400); // nobody reads the answer
    const refusal = refusalFor(error);
    if (refusal === null) console.error(error);
    return refusedPage(view, c, refusal ?? new Refusal(500, UNEXPECTED));
  });
  return { fetch: async (request) => app.fetch(request), close: watch.close };
}

const TOO_LARGE = `This form has more than ${MOST_BYTES / 1024} KB, so it was not read. Nothing was changed.`;
const UNEXPECTED = 'Something went wrong here. The log of the host says what.';
