import type { Context, Hono } from 'hono';
import { html } from 'hono/html';
import type { SqlDatabase } from '../../2-embedded-postgres/sql.js';
import { INVOICES } from './seed.js';

/**
 * What happens to a host by accident, as buttons. For the demonstration only, and no part of what a host copies. Every action is a
 * POST that must come from this host.
 */
export function addDemoRoutes(
  app: Hono,
  {
    database,
    kill,
    origins,
  }: {
    readonly database: SqlDatabase;
    readonly kill: () => Promise<void>;
    readonly origins: readonly string[];
  },
): void {
  const actions: Readonly<Record<string, { readonly name: string; run(id: number): Promise<string> }>> = {
    kill: {
      name: 'Kill the worker',
      async run() {
        await kill();
        return 'The worker was killed in the middle of its job. The next sweep finds out.';
      },
    },
    break: {
      name: 'Break the task data of the instance',
      async run(id) {
        await database.query(`${NEWEST} update task set data = left(data, 40) where id in (table newest)`, [
          id,
        ]);
        return `The newest task data of instance ${id} are cut off now.`;
      },
    },
    repair: {
      name: 'Repair the task data of the instance',
      async run(id) {
        await database.query(`${NEWEST} update task set data = $2 where id in (table newest)`, [
          id,
          repairedData(id),
        ]);
        return `The newest task data of instance ${id} are valid JSON again.`;
      },
    },
    change: {
      name: 'Change the metadata of the instance by hand',
      async run(id) {
        await database.query(
          `update instance_metadata set value = '"changed by hand"' where instance_id = $1 and value is not null`,
          [id],
        );
        return `The metadata of instance ${id} are no longer what its task data say.`;
      },
    },
  };

  app.get('/demo', (c) => c.html(demoPage(c, null)));
  app.post('/demo/:action', async (c) => {
    if (!origins.includes(c.req.header('origin') ?? '')) return c.text('This came from another site.', 403);
    const name = c.req.param('action');
    const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
    if (action === undefined) return c.text('There is no such action.', 404);
    const id = Number((await c.req.formData()).get('instance') ?? 42);
    if (!Number.isSafeInteger(id) || id < 1 || id > 2_147_483_647)
      return c.text('There is no such instance.', 400);
    return c.html(demoPage(c, await action.run(id)));
  });

  function demoPage(c: Context, message: string | null) {
    c.header(
      'content-security-policy',
      "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'",
    );
    return html`<!doctype html><html lang="en"><head><meta charset="utf-8" />
      <meta name="viewport" content="width=device-width, initial-scale=1" /><title>Accidents</title>
      <link rel="stylesheet" href="/operator/assets/operator.css" /></head>
      <body><main><h1>Accidents</h1>
      <p class="lead">What happens to a host now and then. These buttons are for the demonstration only.</p>
      ${message !== null && html`<p class="notice good" role="status">${message}</p>`}
      <form class="controls" method="post">
        <label class="field"><span class="field-name">Instance of ${INVOICES}</span><input name="instance" value="42" inputmode="numeric" /></label>
        ${Object.entries(actions).map(([key, { name }]) => html`<button formaction="/demo/${key}">${name}</button>`)}
      </form><p><a href="/operator">Go to the pages of the operator</a></p></main></body></html>`;
  }
}

const NEWEST = `
  with newest as (
    select id from task where instance_id = $1 and state = 'COMPLETED' order by ended_at desc nulls last, id limit 1
  )`;

function repairedData(id: number): string {
  return JSON.stringify({
    customer: { id: `C-${100 + (id % 40)}`, address: { city: 'Oslo' } },
    lines: [{ article: 'pump', quantity: 1, price: 99 }],
    invoice: { number: `INV-2024-${String(id).padStart(4, '0')}`, total: 99, isBooked: true },
  });
}
