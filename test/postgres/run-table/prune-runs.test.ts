import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { pgliteDatabase, type SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../../examples/demo-host/pg-sql.js';
import {
  type BackfillReport,
  createBackfillService,
  InvalidInputError,
  type NewRunOptions,
  runBackfill,
} from '../../../src/index.js';
import type { PostgresConnection } from '../../../src/postgres/database.js';
import { createRunTable } from '../../../src/postgres/run-table/create-run-table.js';
import { type PruneOptions, pruneRuns } from '../../../src/postgres/run-table/prune-runs.js';
import { ownersRecordId } from '../../../src/run/record/owner-record.js';
import { MODEL } from '../../support/instances.js';
import { linesLogger } from '../../support/lines.js';
import { createOwnDatabase } from '../../support/own-database.js';
import { createPglite } from '../../support/pglite.js';
import { describeWith } from '../../support/servers.js';
import { createPostgresRepository } from '../../support/spiff-repository.js';
import { postgresWriter } from '../../testing/fixtures/postgres-fixture.js';

const TABLE = 'metadata_backfill_run';
/** After all that the tests do. */
const LATER = { olderThan: new Date(Date.UTC(2999, 0)) };

describe('over PGlite', () => {
  prunes(async () => {
    const pglite = await createPglite();
    return { database: pgliteDatabase(pglite), close: () => pglite.close() };
  });
});

describeWith(['PostgreSQL'], 'over PostgreSQL', ({ PostgreSQL }) => {
  const opened = prunes(async () => {
    const own = await createOwnDatabase(PostgreSQL);
    const pool = new pg.Pool({ connectionString: own.url, max: 10 });
    return { database: pgDatabase(pool), close: () => pool.end().then(own.drop) };
  });

  test('deletes each run once if four processes do it at once', async () => {
    const { database, run, prune } = opened();
    for (let count = 0; count < 12; count += 1) await run();
    await database.query(
      `insert into ${TABLE} select overlay(id placing lpad(n::text, 4, 'p') from 22), overlay(run_id placing lpad(n::text, 4, 'p') from 22),
         process_model_id, revision, active_key, content
       from ${TABLE}, generate_series(1, 100) n where id not like '%\\_keys'`,
    );
    const [counted] = await database.query<{ runs: number }>(
      `select count(*)::int as runs from ${TABLE} where id = run_id`,
    );
    const all = await Promise.all([1, 2, 3, 4].map(() => prune({ batchSize: 7 })));
    const left = await prune();
    expect([...all, left].reduce((sum, { runs }) => sum + runs, 0)).toBe(counted?.runs);
    expect(await opened().ids()).toEqual([ownersRecordId(MODEL)]);
  });

  test('passes over a run that somebody has locked', async () => {
    const { database, run, prune } = opened();
    const [locked, other] = [await run(), await run()];
    await database.transaction(async (sql) => {
      await sql.query(`select from ${TABLE} where id = $1 for update`, [locked.runId]);
      expect(await prune()).toEqual({ runs: 1, records: 3 });
    });
    expect((await opened().ids()).includes(other.runId)).toBe(false);
    expect(await prune()).toEqual({ runs: 1, records: 3 });
  });
});

test.each([
  [{}, '- olderThan: expected a valid Date, got nothing'],
  [{ olderThan: new Date(Number.NaN) }, '- olderThan: expected a valid Date, got an object'],
  [{ olderThan: 5 }, '- olderThan: expected a valid Date, got 5'],
  [{ ...LATER, batchSize: 0 }, '- batchSize: expected a whole number from 1 to 10,000, got 0'],
  [{ ...LATER, batch: 5 }, '- batch: unknown'],
])('refuses %j before it asks the database', async (options, message) => {
  const refused = pruneRuns(neverAsked, TABLE, options as PruneOptions);
  await expect(refused).rejects.toThrow(message);
  await expect(refused).rejects.toThrow(InvalidInputError);
});

test('refuses a wrong table name before it asks the database', async () => {
  await expect(pruneRuns(neverAsked, 'a.b.c', LATER)).rejects.toThrow("expected 'table' or 'schema.table'");
});

const neverAsked: PostgresConnection = {
  query() {
    throw new Error('the database was asked');
  },
};

type Opened = ReturnType<typeof prunesWith>;

/** What holds on every PostgreSQL. */
function prunes(
  open: () => Promise<{ readonly database: SqlDatabase; close(): Promise<unknown> }>,
): () => Opened {
  let own: Opened;
  let close: () => Promise<unknown>;
  const opened = (): Opened => own;
  beforeAll(async () => {
    const { database, ...rest } = await open();
    close = rest.close;
    const schema = await readFile('examples/2-embedded-postgres/schema.sql', 'utf8');
    for (const statement of schema.replace(/--.*/g, '').split(';')) await database.query(statement);
    await database.query(createRunTable());
    own = prunesWith(database);
  });
  afterAll(() => close());
  beforeEach(async () => {
    const { database, insertInstances, addDocument } = own;
    await database.query('truncate metadata_backfill_run, process_instance cascade');
    const task = (data: object) => [
      { id: crypto.randomUUID(), state: 'COMPLETED' as const, endedAt: new Date(1), data },
    ];
    await insertInstances(
      [1, 2].map((n) => ({
        processModelId: MODEL,
        running: false,
        tasks: task({ a: `a${n}`, b: `b${n}` }) as never,
      })),
    );
    const [third] = await insertInstances([{ processModelId: MODEL, running: false, tasks: [] }]);
    await addDocument(Number(third), 'broken');
  });

  test('deletes ended runs with all that belongs to them, and no owner record', async () => {
    const { database, run, prune, ids } = opened();
    const { runId } = await run({ shards: 2 });
    await database.query(
      `insert into ${TABLE} select $1 || suffix || '_0', $1 || suffix, 'm', 'r', null, '{}' from unnest(array['_failures', '0', '']) suffix
       on conflict do nothing`,
      [runId],
    );
    await database.query(`insert into ${TABLE} values ($1 || '_keys', $1, 'm', 'r', null, '{}')`, [runId]);
    const belonging = (await ids()).filter(
      (id) => id.startsWith(runId) && !id.endsWith('_keys') && !id.startsWith(`${runId}0`),
    );
    expect(await prune()).toEqual({ runs: 1, records: belonging.length });
    expect(await ids()).toEqual([ownersRecordId(MODEL), `${runId}0_0`, `${runId}_keys`]);
    expect(await prune()).toEqual({ runs: 0, records: 0 });
  });

  // A run has a header, a shard and one failure.
  test('deletes only runs that have ended before that time', async () => {
    const { run, prune, service } = opened();
    const { runId } = await run();
    const { endedAt } = await service.status(runId);
    expect(await prune({ olderThan: new Date(Number(endedAt)) })).toEqual({ runs: 0, records: 0 });
    expect(await prune({ olderThan: new Date(Number(endedAt) + 1) })).toEqual({ runs: 1, records: 3 });
  });

  test('deletes at most batchSize runs per transaction, and goes on behind runs that stay', async () => {
    const { run, service, prune, database } = opened();
    await service.request({ processModelId: MODEL, paths: [{ key: 'active', path: 'a' }] });
    for (const shards of [1, 2, 1]) await run({ shards });
    await service.request({ processModelId: MODEL, paths: [{ key: 'active too', path: 'a' }] });
    const counts: unknown[] = [];
    const watched: PostgresConnection = {
      async query(text, values) {
        const rows = await database.query(text, [...values]);
        if (text.includes('delete')) counts.push(...rows);
        return rows;
      },
    };
    expect(await pruneRuns(watched, TABLE, { ...LATER, batchSize: 1 })).toMatchObject({ runs: 3 });
    expect(counts).toHaveLength(3);
    expect(await service.list()).toHaveLength(2);
    expect(await prune()).toEqual({ runs: 0, records: 0 });
  });

  test('keeps active and paused runs', async () => {
    const { service, prune } = opened();
    const paused = await service.request({ processModelId: MODEL, paths: [{ key: 'a', path: 'a' }] });
    await service.request({ processModelId: MODEL, paths: [{ key: 'b', path: 'b' }] });
    await service.pause(String(Object(paused).runId));
    expect(await prune()).toEqual({ runs: 0, records: 0 });
    expect(await service.list({ active: true })).toHaveLength(2);
  });

  test('keeps a run that has an active key, whatever its content says', async () => {
    const { run, database, prune } = opened();
    const { runId } = await run();
    await database.query(`update ${TABLE} set active_key = 'a' where id = $1`, [runId]);
    expect(await prune()).toEqual({ runs: 0, records: 0 });
  });

  test('keeps a failed run until another one fills its keys, so that its values are replaced', async () => {
    const { run, prune, values, ids } = opened();
    const failed = await run({ maxFailures: 0, batchSize: 1 });
    expect(failed.state).toBe('failed');
    expect(await values()).toEqual(['a1', 'a2']);
    expect(await prune()).toEqual({ runs: 0, records: 0 });
    await run({ paths: [{ key: 'key', path: 'b' }] });
    expect(await values()).toEqual(['b1', 'b2']);
    expect(await prune()).toEqual({ runs: 2, records: 6 });
    expect(await ids()).toEqual([ownersRecordId(MODEL)]);
  });

  test('keeps a cancelled run until another one fills its keys', async () => {
    const { run, service, prune } = opened();
    const request = { processModelId: MODEL, paths: [{ key: 'key', path: 'a' }] };
    await service.cancel(String(Object(await service.request(request)).runId));
    expect(await prune()).toEqual({ runs: 0, records: 0 });
    await run();
    expect(await prune()).toEqual({ runs: 2, records: 5 });
  });

  test('keeps a completed run that did not fill all its keys and is still named', async () => {
    const { run, database, prune } = opened();
    const { runId } = await run();
    await database.query(
      `update ${TABLE} set content = replace(content::text, '"droppedKeys":[]', '"droppedKeys":[{"key":"key","takenBy":null}]')::json where id = $1`,
      [runId],
    );
    expect(await prune()).toEqual({ runs: 0, records: 0 });
  });

  test('keeps a failed run over some instances until the next request of its model', async () => {
    const { run, prune } = opened();
    await run({ paths: [{ key: 'key', path: 'a' }] });
    const trial = await run({ paths: [{ key: 'key', path: 'b' }], limit: 3, maxFailures: 0 });
    expect(trial.state).toBe('failed');
    expect(await prune()).toEqual({ runs: 1, records: 3 });
    await run();
    expect(await prune()).toEqual({ runs: 2, records: 6 });
  });

  test('keeps what may be named in an owner record that it cannot read', async () => {
    const { run, database, prune, ids } = opened();
    const failed = await run({ maxFailures: 0 });
    await run({ paths: [{ key: 'other', path: 'b' }] });
    await database.query(`update ${TABLE} set content = '{"format": 2}' where id = $1`, [
      ownersRecordId(MODEL),
    ]);
    expect(await prune()).toEqual({ runs: 1, records: 3 });
    expect(await ids()).toContain(failed.runId);
  });

  test('leaves runs to the version that has stored them', async () => {
    const { run, database, prune } = opened();
    const { runId } = await run();
    await database.query(
      `update ${TABLE} set content = replace(content::text, '"format":1', '"format":2')::json where id = $1`,
      [runId],
    );
    expect(await prune()).toEqual({ runs: 0, records: 0 });
  });

  test.each(['5', '"text"', '[]', '{}', '{"format":1,"endedAt":"1"}'])(
    'leaves a record with the content %s alone',
    async (content) => {
      const { database, prune } = opened();
      await database.query(`insert into ${TABLE} values ('0damaged', '0damaged', 'm', 'r', null, $1)`, [
        content,
      ]);
      expect(await prune()).toEqual({ runs: 0, records: 0 });
    },
  );

  test('keeps a run that is resumed before it is deleted', async () => {
    const { run, database, service } = opened();
    const failed = await run({ maxFailures: 0, batchSize: 1 });
    await run(); // fills the keys of the failed run
    const resuming: PostgresConnection = {
      async query(text, values) {
        if (text.includes('delete')) await service.resume(failed.runId);
        return database.query(text, [...values]);
      },
    };
    expect(await pruneRuns(resuming, TABLE, LATER)).toEqual({ runs: 1, records: 3 });
    expect((await service.status(failed.runId)).runId).toBe(failed.runId);
  });

  return opened;
}

function prunesWith(database: SqlDatabase) {
  const repository = createPostgresRepository(database);
  const logger = linesLogger();
  const over: PostgresConnection = { query: (text, values) => database.query(text, [...values]) };
  return {
    ...postgresWriter(database),
    database,
    service: createBackfillService({ repository, queue: { enqueue: async () => {} }, logger }),
    prune: (options: Partial<PruneOptions> = {}) => pruneRuns(over, TABLE, { ...LATER, ...options }),
    run: (options: Partial<NewRunOptions> = {}): Promise<BackfillReport> =>
      runBackfill({
        ...{ repository, processModelId: MODEL, paths: [{ key: 'key', path: 'a' }], settleMs: 0, logger },
        ...options,
      } as NewRunOptions),
    async ids() {
      const rows = await database.query<{ id: string }>(`select id from ${TABLE} order by id`);
      return rows.map(({ id }) => id);
    },
    async values() {
      const rows = await database.query<{ value: string }>(
        'select value from process_instance_metadata order by process_instance_id, key',
      );
      return rows.map(({ value }) => value);
    },
  };
}
