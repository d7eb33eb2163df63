import { setTimeout } from 'node:timers/promises';
import { sql } from 'kysely';
import { afterAll, beforeAll } from 'vitest';
import type { EmptyDatabase } from '../../../examples/3-sql-databases/databases/empty-database.js';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';

export const INSTANCES = 200_000;

/** Instances in a page. */
export const PAGE = 500;

/** Of so many instances, one is of the model. */
const EVERY = { often: 1.2, seldom: 10, rare: 100 };

/** Models, and where the pages begin that are compared: the first, some in the middle, the last full one. */
export const WALKS: readonly (readonly [model: string, starts: readonly (number | null)[]])[] =
  Object.entries(EVERY).map(([model, every]) => [
    model,
    [null, INSTANCES / 4, INSTANCES / 2, INSTANCES - every * PAGE],
  ]);

/** Tables that are filled once for the suite that calls it: each instance is still running, has six tasks and one value. */
export function useBigTables(
  open: () => Promise<EmptyDatabase>,
  fill: (database: Database) => Promise<void>,
) {
  let opened: EmptyDatabase | undefined;
  beforeAll(async () => {
    opened = await open();
    await fill(opened.database);
  });
  afterAll(() => opened?.close());
  return () => {
    if (opened === undefined) throw new Error('the tables are not there');
    return opened;
  };
}

const model = (number: string) =>
  `case when ${number} % 100 = 0 then 'rare' when ${number} % 10 = 5 then 'seldom' else 'often' end`;

export async function fillPostgres(database: Database): Promise<void> {
  await run(database, [
    `insert into process_instance select n, ${model('n')}, 'waiting' from generate_series(1, ${INSTANCES}) n`,
    `insert into json_data
     select 'newest ' || n, json_build_object('number', n, 'text', repeat('x', 300)) from generate_series(1, ${INSTANCES}) n`,
    `insert into task
     select n || ' ' || k, n, 'COMPLETED', case k when 6 then 'newest ' || n else 'older' end, k
     from generate_series(1, ${INSTANCES}) n, generate_series(1, 6) k`,
    `insert into process_instance_metadata
       (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
     select n, 'city', n, 0, 0 from generate_series(1, ${INSTANCES}) n`,
  ]);
  await vacuum(database);
}

/** Leaves the tables as autovacuum does, once there is no older transaction on the server that holds it back. */
async function vacuum(database: Database): Promise<void> {
  for (;;) {
    await run(database, ['vacuum analyze process_instance, json_data, task, process_instance_metadata']);
    const { rows } = await sql<{ isVisible: boolean }>`
      select relallvisible = relpages as "isVisible" from pg_class where oid = 'process_instance'::regclass`.execute(
      database,
    );
    if (rows[0]?.isVisible) return;
    await setTimeout(200);
  }
}

/** The same for MariaDB. */
export async function fillMariadb(database: Database): Promise<void> {
  await run(database, [
    'set foreign_key_checks = 0, unique_checks = 0',
    `insert into process_instance select seq, ${model('seq')}, 'waiting' from seq_1_to_${INSTANCES}`,
    `insert into json_data
     select concat('newest ', seq), json_object('number', seq, 'text', repeat('x', 300)) from seq_1_to_${INSTANCES}`,
    `insert into task
     select concat(n.seq, ' ', k.seq), n.seq, 'COMPLETED', if(k.seq = 6, concat('newest ', n.seq), 'older'), k.seq
     from seq_1_to_${INSTANCES} n, seq_1_to_6 k`,
    `insert into process_instance_metadata
     select seq, seq, 'city', seq, 0, 0 from seq_1_to_${INSTANCES}`,
    'analyze table process_instance, json_data, task, process_instance_metadata',
    'set foreign_key_checks = 1, unique_checks = 1',
  ]);
}

async function run(database: Database, statements: readonly string[]): Promise<void> {
  await database.connection().execute(async (connection) => {
    for (const statement of statements) await sql.raw(statement).execute(connection);
  });
}
