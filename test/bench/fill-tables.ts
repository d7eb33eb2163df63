import { readFile } from 'node:fs/promises';
import { createRunTable } from 'process-metadata-backfill/postgres';
import type { SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { documentSql } from './document-sql.js';
import { emptyMembers, fillOneTable } from './fill-one-table.js';
import { MODEL, type Scenario } from './scenario.js';

const TASKS = 6;
const SCHEMA = new URL('../../examples/2-embedded-postgres/schema.sql', import.meta.url);
const TABLES = [
  'process_instance',
  'task',
  'json_data',
  'process_instance_metadata',
  'metadata_backfill_run',
];

/**
 * Makes the tables anew, from a seed. Each instance has six completed tasks; the newest has a document of its own, under
 * a hash that says nothing of its place. One instance in twenty is still running.
 */
export async function fillTables(sql: SqlDatabase, scenario: Scenario, seed = 1): Promise<void> {
  const { instances, kilobytes, type, metadata } = scenario;
  if (metadata === 'members') return fillOneTable(sql, scenario, seed);
  const schema = (await readFile(SCHEMA, 'utf8')).replace(/--.*$/gm, '').split(';');
  const statements = [
    `drop table if exists ${TABLES} cascade`,
    ...schema.filter((text) => text.trim() !== ''),
    createRunTable(),
    `alter table json_data alter column data type ${type} using data::${type}`,
    // Indices are built at the end: that is faster, and they are as compact as they can be.
    'alter table json_data drop constraint json_data_pkey',
    'alter table task drop constraint task_pkey',
    'drop index task_process_instance_id',
    `insert into process_instance
     select n, '${MODEL}', case when n % 20 = 0 then 'user_input_required' else 'complete' end
     from generate_series(1, ${instances}) n`,
    `insert into json_data select ${hash("'newest ' || n")}, (${documentSql('n', kilobytes, seed)})::${type}
     from generate_series(1, ${instances}) n`,
    `insert into json_data values (${hash("'older'")}, '{"older": true}')`,
    `insert into task select md5('task ' || n || ' ' || k)::uuid::text, n, 'COMPLETED',
       case k when ${TASKS} then ${hash("'newest ' || n")} else ${hash("'older'")} end, 1700000000 + n + k
     from generate_series(1, ${instances}) n, generate_series(1, ${TASKS}) k order by n, k`,
    'alter table json_data add primary key (hash)',
    'alter table task add primary key (guid)',
    'create index task_process_instance_id on task (process_instance_id)',
    ...['process_instance', 'task', 'json_data'].map((table) => `vacuum analyze ${table}`),
  ];
  for (const statement of statements) await sql.query(statement);
}

/** Leaves nothing of the run before, so that all start alike. */
export async function emptyMetadata(
  sql: SqlDatabase,
  { metadata }: { readonly metadata?: Scenario['metadata'] | undefined } = {},
): Promise<void> {
  if (metadata === 'members') return emptyMembers(sql);
  await sql.query('truncate process_instance_metadata, metadata_backfill_run');
  await vacuum(sql);
}

/** As autovacuum does between a run and its rerun. */
export async function vacuum(sql: SqlDatabase): Promise<void> {
  for (const table of ['process_instance', 'process_instance_metadata', 'metadata_backfill_run'])
    await sql.query(`vacuum analyze ${table}`);
}

function hash(text: string): string {
  return `encode(sha256((${text})::bytea), 'hex')`;
}
