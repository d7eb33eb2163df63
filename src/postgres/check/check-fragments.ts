import type { IdType, PostgresConfiguration } from '../configuration.js';
import { sqlStateOf } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { error, type Finding } from './finding.js';
import { fixOf, reasonOf } from './refusal.js';

/** How many of the newest instances are looked at. */
const SAMPLE = 100;

/** Tries out each piece of SQL that the host has written, on its own and over some instances. Nothing is written. */
export async function checkFragments<Transaction>(
  { database, instances, taskData, metadata }: PostgresConfiguration<Transaction, IdType>,
  { instances: { table, reverseOrder }, documents }: Tables,
): Promise<readonly Finding[]> {
  const sample = `(select i.*, i.xmin from ${table} i order by ${reverseOrder} limit ${SAMPLE}) i`;
  const found: Finding[] = [];

  /** @returns the rows, or `null` when PostgreSQL refuses the statement. */
  async function tryOut(place: string, text: string, limit = 0): Promise<readonly unknown[] | null> {
    try {
      return await database.query(`select true as found from (${text}\n) tried limit ${limit}`, []);
    } catch (thrown) {
      if (sqlStateOf(thrown) === '') throw thrown; // it says nothing about the SQL
      found.push(error(place, reasonOf(thrown), fixOf(thrown) ?? 'Correct this SQL'));
      return null;
    }
  }

  const { where, running } = instances;
  if (where !== undefined)
    await tryOut('instances.where', `select from ${sample} where (${where}\n)`, SAMPLE);
  if (running !== undefined)
    await tryOut('instances.running', `select from ${sample} where (${running}\n)`, SAMPLE);
  if ('newest' in taskData) {
    const several = await tryOut(
      'taskData.newest',
      `select from ${sample} cross join lateral (select count(*) as n, max(newest.version::text) as version from (${documents.newest}) newest) newest where n > 1`,
      1,
    );
    if (several !== null && several.length > 0)
      found.push(
        error('taskData.newest', `it returns several rows for one instance`, 'Add order by … limit 1'),
      );
    if (several?.length === 0)
      await tryOut(
        'taskData.document',
        `select from ${sample} cross join lateral (${documents.newest}) newest where (${documents.document})::text is not null`,
        SAMPLE,
      );
  }
  const values = { insert: 'insert' in metadata ? metadata.insert : undefined, update: metadata.update };
  for (const [name, columns] of Object.entries(values)) {
    for (const [column, sql] of Object.entries(columns ?? {}))
      await tryOut(
        `metadata.${name}.${column}`,
        `select from (select (${sql}\n) as value from ${sample} offset 0) w where w.value is not null`,
        1,
      );
  }
  return found;
}
