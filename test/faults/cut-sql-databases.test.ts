import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { openMariadb } from '../../examples/3-sql-databases/databases/mariadb.js';
import { openPostgres } from '../../examples/3-sql-databases/databases/postgres.js';
import { createSqlRepository } from '../../examples/3-sql-databases/repository/sql-repository.js';
import { runBackfill } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { type CommitFate, cuttingCommits } from './support/cut-commits.js';
import { seededRandom } from './support/seeded-random.js';
import { startTcpProxy } from './support/tcp-proxy.js';

const INSTANCES = 100;
const CUTS = ['before', 'after', 'under-way'] as const;

for (const [server, open] of [
  ['PostgreSQL', openPostgres],
  ['MariaDB', openMariadb],
] as const) {
  describeWith([server], `the repository of example 3 on ${server}`, (urls) => {
    test('loses nothing and counts nothing twice when its connections are cut in the middle of COMMIT', async (context) => {
      const random = seededRandom(`cut connections of ${server}`);
      const fates = { passed: 0, before: 0, after: 0, 'under-way': 0 };
      let isCutting = false;
      const decide = (): CommitFate => {
        const fate = isCutting && random.next() < 0.5 ? random.pick(CUTS) : 'passed';
        fates[fate] += 1;
        return fate;
      };
      const proxy = await startTcpProxy(
        (urls as Record<string, string>)[server] ?? '',
        cuttingCommits(decide),
      );
      context.onTestFinished(() => proxy.close());
      const { database, dialect, close } = await open(proxy.url);
      context.onTestFinished(close);
      const ids = Array.from({ length: INSTANCES }, (_, index) => index + 1);
      await database
        .insertInto('process_instance')
        .values(ids.map((id) => ({ id, process_model_identifier: MODEL, status: 'complete' })))
        .execute();
      await database
        .insertInto('json_data')
        .values(ids.map((id) => ({ hash: `hash ${id}`, data: JSON.stringify({ number: id }) })))
        .execute();
      await database
        .insertInto('task')
        .values(
          ids.map((id) => ({
            guid: `task ${id}`,
            process_instance_id: id,
            state: 'COMPLETED',
            json_data_hash: `hash ${id}`,
            end_in_seconds: 1,
          })),
        )
        .execute();

      isCutting = true;
      const report = await runBackfill({
        repository: createSqlRepository(database, dialect),
        processModelId: MODEL,
        paths: [{ key: 'number', path: 'number' }],
        batchSize: 1,
        retry: { attempts: 100, initialDelayMs: 1, maxDelayMs: 5 },
      });
      isCutting = false;

      console.log(`COMMIT: ${JSON.stringify(fates)}`);
      for (const cut of CUTS) expect(fates[cut]).toBeGreaterThan(5);
      expect(report).toMatchObject({
        state: 'completed',
        total: INSTANCES,
        processed: INSTANCES,
        updated: INSTANCES,
      });
      const { rows } = await sql<{ id: number; value: string }>`
        select process_instance_id as id, value from process_instance_metadata order by process_instance_id`.execute(
        database,
      );
      expect(rows).toEqual(ids.map((id) => ({ id, value: String(id) })));
    });
  });
}
