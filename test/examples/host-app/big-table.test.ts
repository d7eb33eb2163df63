import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { INVOICES } from '../../../examples/11-host-app/host/seed.js';
import { describeWith } from '../../support/servers.js';
import { type Client, createClient } from './support/client.js';
import { type Cost, type CountedDatabase, openCountedDatabase } from './support/count-cost.js';
import { createSchema, type OwnPlace } from './support/places.js';
import { MODEL, type ServedPages, servePages } from './support/serve-pages.js';

const INSTANCES = 200_000;

describeWith(['PostgreSQL'], `With ${INSTANCES} instances`, ({ PostgreSQL }) => {
  let own: OwnPlace<{ readonly url: string; readonly schema: string }>;
  let counted: CountedDatabase;
  let served: ServedPages;
  let client: Client;

  beforeAll(async () => {
    own = createSchema(PostgreSQL);
    const { schema } = own.place;
    await (await openDatabase(own.place, { fresh: true })).close();
    const filling = new pg.Client({ connectionString: PostgreSQL, options: `-c search_path=${schema}` });
    await filling.connect();
    for (const statement of FILL) await filling.query(statement);
    await filling.end();
    counted = openCountedDatabase(PostgreSQL, schema);
    served = await servePages(counted.database);
    client = await createClient(served.url);
    for (let run = 1; run <= 30; run += 1) {
      const paths = [{ key: 'customer_id', path: 'customer.customer_id' }];
      const result = await served.service.request({ processModelId: INVOICES, paths });
      if (result.status === 'triggered' && run < 30) await served.service.cancel(result.runId);
    }
  });

  afterAll(async () => {
    await served?.close();
    await counted?.close();
    await own?.remove();
  });

  function costOf(path: string, status = 200): Promise<Cost> {
    return counted.costOf(async () => expect((await client.get(path)).status).toBe(status));
  }

  test.each([
    ['the first page', ''],
    ['the oldest first', '?order=up'],
    ['a page in the middle', '?after=[100000]'],
    ['the last page', '?after=[20]'],
    ['sorted by a column', '?sort=customer_id&order=down'],
    ['sorted by a column, a page in the middle', '?sort=customer_id&after=[100,"C-500"]'],
    ['sorted by a column without values', '?sort=empty'],
    ['those with a status', '?status=running'],
    ['those with a value that many have', '?key=customer_id&is=equal&value=C-7'],
    ['those with a value that one has', '?key=rare&is=equal&value=only'],
    ['those with a value that none has', '?key=customer_id&is=equal&value=none'],
    ['those with any value', '?key=customer_id&is=filled'],
    ['those with any value of a column without one', '?key=empty&is=filled'],
    ['those without a value', '?key=customer_id&is=empty'],
    ['those with a value of a column that few have', '?key=few&is=filled'],
    ['those with a value of a column where null is stored', '?key=rare&is=filled'],
    ['those without a value of a column that all have', '?key=full&is=empty'],
    ['those that run, without a value of a column that all have', '?status=running&key=full&is=empty'],
    ['those without a value of a column that all have, sorted', '?key=full&is=empty&sort=customer_id'],
    ['those that run, of which none is sorted first', '?status=running&sort=customer_id'],
    ['those with a value, sorted by another column', '?key=rare&is=equal&value=only&sort=customer_id'],
  ])('the report reads no more than it shows: %s', async (_, query) => {
    const { statements, returned, read } = await costOf(`${MODEL}/instances${query}`);
    // The model, where the page ends, four for what is known about its columns, and 25 rows with one more that says whether there
    // is another page.
    expect(statements).toBeLessThanOrEqual(7);
    expect(returned).toBeLessThanOrEqual(26 + 20);
    expect(read).toBeLessThan(2_500);
  });

  test.each([
    ['sorted by a column that another model has, too', '?sort=customer_id'],
    ['those with a value that another model has, too', '?key=customer_id&is=equal&value=C-7'],
    ['those without a value', '?key=customer_id&is=empty'],
  ])('the report of a small model does not read the big one: %s', async (_, query) => {
    const { statements, returned, read } = await costOf(`${SMALL}/instances${query}`);
    expect(statements).toBeLessThanOrEqual(6);
    expect(returned).toBeLessThanOrEqual(26 + 20);
    expect(read).toBeLessThan(2_500);
  });

  test('the pages of a report sorted by a column have all instances of a small model, and end', async () => {
    const page = {
      processModelId: 'small',
      status: null,
      filter: null,
      descending: true,
      limit: 25,
    };
    const ids: unknown[] = [];
    let after: string | null = '[0,"C-995"]';
    do {
      const { rows, next } = await served.options.instances.page({ ...page, sort: 'customer_id', after });
      ids.push(...rows.map(({ id }) => Number(id)));
      after = next;
    } while (after !== null && ids.length < 10);
    expect(ids).toEqual(Array.from({ length: 10 }, (_, index) => INSTANCES + 10 - index));
  });

  test.each([
    ['the models', '/models', 2],
    ['the editor', MODEL, 1],
    ['an instance in the middle', `${MODEL}/instances/100000`, 20],
    ['the columns', `${MODEL}/columns`, 20],
  ])('%s: no page reads more than it shows', async (_, path, most) => {
    const { statements, returned, read } = await costOf(path);
    expect(statements).toBeLessThanOrEqual(most);
    expect(returned).toBeLessThanOrEqual(most);
    expect(read).toBeLessThan(200);
  });

  test.each(['/runs', `${MODEL}/runs`])(
    'the list of runs at %s reads its 20 runs and one more',
    async (path) => {
      const { statements, returned, read } = await costOf(path);
      expect(statements).toBeLessThanOrEqual(3);
      expect(returned).toBeLessThanOrEqual(21 + 5);
      expect(read).toBeLessThan(200);
    },
  );

  test('the page of a run reads the run, and none of its instances', async () => {
    const [run] = await served.service.list({ limit: 1 });
    const steps = [
      ['', 200],
      ['/failures', 200],
      ['/differences', 409], // the run is no verification
    ] as const;
    for (const [step, status] of steps) {
      const { statements, returned, read } = await costOf(`/runs/${run?.runId}${step}`, status);
      expect(statements).toBeLessThanOrEqual(3);
      expect(returned).toBeLessThanOrEqual(10);
      expect(read).toBeLessThan(50);
    }
  });

  test('the preview reads a sample, and counts the instances by an index', async () => {
    const fields = [
      ['revision', '1'],
      ['key', 'number'],
      ['path', 'invoice.nubmer'],
    ] as const;
    const cost = await counted.costOf(async () =>
      expect((await client.post(`${MODEL}/preview`, fields)).text).toContain('Did you mean'),
    );
    expect(cost.returned).toBeLessThan(1_500);
    expect(cost.read).toBeLessThan(2 * INSTANCES + 10_000);
  });

  test('a save reads none of the instances, however many its run will visit', async () => {
    const fields = [
      ['revision', '1'],
      ['key', 'customer_id'],
      ['path', 'customer.customer_id'],
      ['key', 'number'],
      ['path', 'invoice.number'],
      ['removed', 'keep'],
    ] as const;
    const cost = await counted.costOf(async () =>
      expect((await client.post(`${MODEL}/save`, fields)).status).toBe(303),
    );
    expect(cost.statements).toBeLessThanOrEqual(20);
    expect(cost.read).toBeLessThan(500);
  });
});

const KEYS = ['customer_id', 'rare', 'empty', 'full', 'few'];

const SMALL = '/models/small';

/** No autovacuum: only pages read these tables. */
const FILL = [
  ...['process_instance', 'task', 'instance_metadata'].map(
    (table) => `alter table ${table} set (autovacuum_enabled = false)`,
  ),
  `insert into process_model (id, paths)
   values ('${INVOICES}', '${JSON.stringify(KEYS.map((key) => ({ key, path: `customer.${key}` })))}')`,
  `insert into process_instance (model_id, status)
   select '${INVOICES}', case when n % 100 = 0 then 'running' else 'completed' end
   from generate_series(1, ${INSTANCES}) n`,
  `insert into process_model (id, paths) values ('small', '[{"key": "customer_id", "path": "customer.id"}]')`,
  `insert into process_instance (model_id, status) select 'small', 'completed' from generate_series(1, 10) n`,
  `insert into task (instance_id, state, data, ended_at)
   select n, 'COMPLETED', format('{"customer": {"id": "C-%s"}, "invoice": {"number": "I-%s"}}', n % 1000, n), now()
   from generate_series(1, ${INSTANCES}) n`,
  `insert into instance_metadata (instance_id, key, value, source)
   select n, 'customer_id', to_jsonb(format('C-%s', n % 1000)), 'save'
   from generate_series(1, ${INSTANCES}) n where n % 10 > 0`,
  `insert into instance_metadata (instance_id, key, value, source)
   select n, 'rare', case when n = 5 then '"only"'::jsonb end, 'save'
   from generate_series(1, ${INSTANCES}) n where n % 2 = 1`,
  `insert into instance_metadata (instance_id, key, value, source)
   select n, 'full', to_jsonb(n), 'save' from generate_series(1, ${INSTANCES}) n`,
  `insert into instance_metadata (instance_id, key, value, source)
   select n, 'few', to_jsonb(n), 'save' from generate_series(1, 10) n`,
  `insert into instance_metadata (instance_id, key, value, source)
   select id, 'customer_id', '"C-99"', 'save' from process_instance where model_id = 'small'`,
  'vacuum (analyze) process_instance, task, instance_metadata',
];
