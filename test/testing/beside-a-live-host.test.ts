import { randomBytes } from 'node:crypto';
import type { RunStatus, SweepReport } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import type { RunnerName } from '../faults/support/runners/runner.js';
import type { Server } from '../support/server-urls.js';
import { describeWith } from '../support/servers.js';
import { type CasesResult, startCases } from './fixtures/cases-process.js';
import { rowsOf } from './fixtures/left-behind.js';
import { watchServer } from './fixtures/left-on-server.js';
import { LIVE_MODEL, openLiveHost } from './fixtures/live-host.js';
import { loadQueueKit } from './fixtures/queues/queue-kit.js';
import { createSharedStore, NOT_OFFERED_ON, type StoreServer } from './fixtures/shared-store.js';
import type { TablesFixture } from './fixtures/tables-fixture.js';

const INSTANCES = 3000;

const HOSTS: readonly [RunnerName, Server, StoreServer][] = [
  ['pg-boss', 'PostgreSQL', 'PostgreSQL'],
  ['bullmq', 'Redis', 'MariaDB'],
  ['graphile-worker', 'PostgreSQL', 'PostgreSQL'],
  ['rabbitmq', 'RabbitMQ', 'MariaDB'],
];

const ownName = (purpose: string) => `${purpose}_${randomBytes(6).toString('hex')}`;

describe.each(HOSTS)('on the servers of a host on %s, %s and %s', (runner, broker, storeServer) => {
  describeWith(
    [...new Set<Server>([broker, storeServer, 'PostgreSQL'])],
    'while it fills 3,000 instances',
    (urls) => {
      test('two processes pass all cases at once, its runs end right, and only its rows and jobs are left', async ({
        onTestFinished,
      }) => {
        const store = await createSharedStore(storeServer, urls[storeServer]);
        onTestFinished(() => store.close());
        const host = await openLiveHost(store, runner, ownName('host'), INSTANCES);
        onTestFinished(() => host.close());
        const { sql } = store.fixture();
        const before = { rows: await rowsOf(sql), tables: await tablesOf(storeServer, sql) };

        const name = ownName('conformance');
        // What runs in PostgreSQL runs in the database of the host.
        const server = await watchServer(broker, broker === storeServer ? store.url : urls[broker], name);
        onTestFinished(() => server.close());
        const processes = await Promise.all(
          ['_1', '_2'].map((suffix) =>
            startCases({
              store: storeServer,
              storeUrl: store.url,
              runner,
              queueUrl: server.url,
              name: `${name}${suffix}`,
            }),
          ),
        );
        for (const { end } of processes) onTestFinished(end);

        let isOver = false;
        const statuses: RunStatus[] = [];
        const sweeps: SweepReport[] = [];
        const first = await host.begin();
        const filling = (async () => {
          statuses.push(await first.ended);
          while (!isOver) {
            sweeps.push(await host.sweep());
            statuses.push(await (await host.begin()).ended);
          }
        })();
        filling.catch(() => {}); // if the cases fail first
        const results = await Promise.all(processes.map(({ run }) => run())).finally(() => {
          isOver = true;
        });

        const { notOffered } = await loadQueueKit(runner);
        for (const { repository, queue } of results) {
          expect(repository).toEqual(allPassedBut(NOT_OFFERED_ON[storeServer]));
          expect(queue).toEqual(allPassedBut(notOffered));
        }
        await filling;
        await host.nothingToDo();

        for (const status of statuses)
          expect(status).toMatchObject({
            state: 'completed',
            total: INSTANCES,
            processed: INSTANCES,
            updated: INSTANCES,
          });
        for (const sweep of sweeps) expect(sweep).toMatchObject({ enqueued: [], completed: [], failed: [] });
        const [filled] = await sql<{ instances: unknown }>(filledWith(statuses.length));
        expect(Number(filled?.instances)).toBe(INSTANCES);
        const values = await sql<{ process_instance_id: number; value: string }>(
          'select process_instance_id, value from process_instance_metadata',
        );
        expect(values).toHaveLength(INSTANCES * statuses.length);
        expect(
          values.filter((row) => row.value !== String(host.numbers.get(row.process_instance_id))),
        ).toEqual([]);
        const after = await rowsOf(sql);
        for (const table of ['process_instance', 'task', 'json_data'])
          expect(after[table]).toEqual(before.rows[table]);
        const runs = await sql<{ run_id: string; process_model_id: string }>(
          'select * from metadata_backfill_run',
        );
        expect(runs.filter((row) => !['live', 'later'].includes(row.process_model_id))).toEqual([]);

        expect(host.runIds).toEqual(expect.arrayContaining([...host.deliveredRunIds]));
        expect(await host.laterStatus()).toMatchObject({ state: 'pending', processed: 0 });
        expect(await host.stop()).toBe(1); // the job of the run that starts later
        expect(await server.left()).toEqual([]);
        expect(await tablesOf(storeServer, sql)).toEqual(before.tables);
      });
    },
  );
});

function allPassedBut(notOffered: readonly string[]): CasesResult {
  return { failures: {}, notOffered: [...notOffered].sort() };
}

/** How many instances of the host have so many rows. */
function filledWith(rows: number): string {
  return `select count(*) as instances from process_instance
    where process_model_identifier = '${LIVE_MODEL}' and ${rows} =
      (select count(*) from process_instance_metadata where process_instance_id = process_instance.id)`;
}

/** In all schemas of the database, which is one schema in MariaDB. */
async function tablesOf(store: StoreServer, sql: TablesFixture['sql']): Promise<string[]> {
  const isThere = store === 'MariaDB' ? 'table_schema = database()' : "table_schema <> 'information_schema'";
  const rows = await sql<{ name: string }>(
    `select concat(table_schema, '.', table_name) as name from information_schema.tables where ${isThere}`,
  );
  return rows.map(({ name }) => name).sort();
}
