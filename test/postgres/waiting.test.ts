import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type { CommitResult, InstanceWrites, WriteOutcome } from 'process-metadata-backfill';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import type { Sql } from '../../examples/2-embedded-postgres/sql.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository, spiffTables } from '../support/spiff-repository.js';

const INSERT_ROW = `insert into process_instance_metadata values (default, 1, 'city', 'live', 0, 0)`;

describeWith(
  ['PostgreSQL'],
  'a commit on PostgreSQL, beside one that is under way',
  ({ PostgreSQL: url }) => {
    const schema = `waiting_${randomBytes(6).toString('hex')}`;
    const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${schema}` });
    const database = pgDatabase(pool);
    const repository = createPostgresRepository(database);

    beforeAll(async () => {
      const tables = await spiffTables();
      await pool.query(`create schema ${schema}; ${tables}`);
    });
    afterAll(async () => {
      await pool.query(`drop schema ${schema} cascade`);
      await pool.end();
    });
    beforeEach(async () => {
      await pool.query('truncate process_instance, task, process_instance_metadata, metadata_backfill_run');
      await pool.query(`insert into process_instance values (1, $1, 'waiting')`, [MODEL]);
      await pool.query(`insert into task values ('before', 1, 'COMPLETED', 'before', 1)`);
    });

    /** Starts the commit while `live` is under way, and ends `live` only when the commit has had time to finish. */
    async function commitDuring(
      live: (sql: Sql) => Promise<unknown>,
      written: Partial<InstanceWrites<number>> = {},
    ) {
      let outcome: WriteOutcome<number> | null = null;
      let isSettled = false;
      const { committing } = await database.transaction(async (sql) => {
        await live(sql);
        const committing: Promise<CommitResult> = repository
          .commit({
            processModelId: MODEL,
            expected: [{ id: 'run', revision: null }],
            instances: [{ id: 1, values: [{ key: 'city', value: 'Oslo' }], ...written }],
            next(told) {
              outcome = told;
              const record = { id: 'run', runId: 'run', processModelId: MODEL, revision: 'first' };
              return [{ ...record, activeKey: null, content: {} }];
            },
          })
          .finally(() => {
            isSettled = true;
          });
        await setTimeout(150);
        expect(isSettled).toBe(false);
        return { committing };
      });
      return { result: await committing, outcome: outcome as WriteOutcome<number> | null };
    }

    const city = async () =>
      (await database.query<{ value: string }>('select value from process_instance_metadata'))[0]?.value ??
      null;

    test('waits for a save, and leaves its instance out', async () => {
      const { result, outcome } = await commitDuring(
        async (live) => {
          await live.query(`update process_instance set status = 'complete'`);
          await live.query(`insert into task values ('newer', 1, 'COMPLETED', 'newer', 2)`);
        },
        { version: 'before' },
      );

      expect(result).toEqual({ status: 'committed' });
      expect(outcome).toEqual({ gone: [], kept: [], moved: [1] });
      expect(await city()).toBeNull();
    });

    test('waits for a save that completes no task, and writes', async () => {
      const { result } = await commitDuring(
        (live) => live.query(`update process_instance set status = 'complete'`),
        {
          version: 'before',
        },
      );

      expect(result).toEqual({ status: 'committed' });
      expect(await city()).toBe('Oslo');
    });

    test('waits for a deletion, and finds its instance gone', async () => {
      const { result, outcome } = await commitDuring((live) => live.query('delete from process_instance'));

      expect(result).toEqual({ status: 'committed' });
      expect(outcome).toEqual({ gone: [1], kept: [], moved: [] });
    });

    test('waits for a value that is being inserted, and keeps it', async () => {
      const { outcome } = await commitDuring((live) => live.query(INSERT_ROW));

      expect(outcome).toEqual({ gone: [], kept: [{ id: 1, key: 'city' }], moved: [] });
      expect(await city()).toBe('live');
    });

    test.each(['changed', 'deleted'])(
      'waits for a row that is being %s, and does not overwrite it',
      async (what) => {
        await pool.query(INSERT_ROW);
        const [row] = await database.query<{ token: string }>(
          'select xmin::text as token from process_instance_metadata',
        );
        const replaces = { value: 'live', token: row?.token ?? '' };
        const statement =
          what === 'changed'
            ? `update process_instance_metadata set value = 'newer'`
            : 'delete from process_instance_metadata';

        const { outcome } = await commitDuring((live) => live.query(statement), {
          values: [{ key: 'city', value: 'Oslo', replaces }],
        });

        expect(outcome).toEqual({ gone: [], kept: [{ id: 1, key: 'city' }], moved: [] });
        expect(await city()).toBe(what === 'changed' ? 'newer' : null);
      },
    );

    test('waits for another commit of its run, and is refused with nothing written', async () => {
      const record = `insert into metadata_backfill_run values ('run', 'run', '', 1, null, '{}')`;

      const { result } = await commitDuring((live) => live.query(record));

      expect(result).toEqual({ status: 'conflict' });
      expect(await city()).toBeNull();
    });
  },
);
