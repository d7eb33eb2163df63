import { sql } from 'kysely';
import type { Database } from '../../examples/2-sql-databases/repository/tables.js';

export const INSTANCES = 200_000;

/** One instance in ten is of the model `seldom`, the others are of `often`. Each has six tasks and one value. */
export async function fillPostgres(database: Database): Promise<void> {
  await run(database, [
    `insert into process_instance
     select n, case when n % 10 = 0 then 'seldom' else 'often' end, 'complete' from generate_series(1, ${INSTANCES}) n`,
    `insert into json_data
     select 'newest ' || n, json_build_object('number', n, 'text', repeat('x', 300)) from generate_series(1, ${INSTANCES}) n`,
    `insert into task
     select n || ' ' || k, n, 'COMPLETED', case k when 6 then 'newest ' || n else 'older' end, k
     from generate_series(1, ${INSTANCES}) n, generate_series(1, 6) k`,
    `insert into process_instance_metadata
     select n, n, 'city', n, 0, 0 from generate_series(1, ${INSTANCES}) n`,
    'analyze process_instance, json_data, task, process_instance_metadata',
  ]);
}

/** The same for MariaDB. */
export async function fillMariadb(database: Database): Promise<void> {
  await run(database, [
    'set foreign_key_checks = 0, unique_checks = 0',
    `insert into process_instance
     select seq, if(seq % 10 = 0, 'seldom', 'often'), 'complete' from seq_1_to_${INSTANCES}`,
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
