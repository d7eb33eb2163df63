import type { SqlDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { oneTable } from '../postgres/hosts/one-table.js';
import { documentSql } from './document-sql.js';
import { MODEL, type Scenario } from './scenario.js';

/** The table of a host that has all in one: ids in no order, documents and metadata as jsonb. */
export async function fillOneTable(
  sql: SqlDatabase,
  { instances, kilobytes }: Scenario,
  seed: number,
): Promise<void> {
  await sql.query('drop table if exists instances, metadata_backfill_run');
  await sql.query(oneTable.schema);
  await sql.query(
    `insert into instances (id, model, created_at, context)
     select md5('instance ' || n)::uuid, $1, timestamptz '2026-01-01Z' + n * interval '1 s',
       (${documentSql('n', kilobytes, seed)})::jsonb
     from generate_series(1, ${instances}) n`,
    [MODEL],
  );
  await sql.query('vacuum analyze instances');
}

/** Leaves nothing of the run before, neither in the rows nor between them. */
export async function emptyMembers(sql: SqlDatabase): Promise<void> {
  await sql.query('truncate metadata_backfill_run');
  await sql.query('update instances set metadata = null, updated_at = null where metadata is not null');
  await sql.query('vacuum (full, analyze) instances');
  await sql.query('vacuum instances'); // only now its pages count as visible to all
}
