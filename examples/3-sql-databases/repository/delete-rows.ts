import type { Dialect } from './dialects.js';
import type { Database } from './tables.js';
import { type KeptValue, type RowDelete, rowName } from './value-write.js';

/**
 * Deletes the rows that are still as they were read, and returns the others. Two statements for every database: one locks
 * and reads the rows, so that nobody changes them any more, and one deletes.
 */
export async function deleteRows(
  database: Database,
  dialect: Dialect,
  deletes: readonly RowDelete[],
): Promise<readonly KeptValue[]> {
  const locked = await database
    .selectFrom('process_instance_metadata as m')
    .select(['m.id as rowId', 'm.process_instance_id as id', 'm.key', 'm.value', dialect.token.as('token')])
    .where('m.process_instance_id', 'in', [...new Set(deletes.map(({ id }) => id))])
    .where('m.key', 'in', [...new Set(deletes.map(({ key }) => key))])
    .orderBy('m.id')
    .modifyEnd(dialect.lockForUpdate)
    .execute();
  const rows = new Map(locked.map((row) => [rowName(row), row]));
  const [rowIds, kept]: [number[], KeptValue[]] = [[], []];
  for (const seen of deletes) {
    const row = rows.get(rowName(seen));
    if (row?.token === seen.token && row.value === seen.seen) rowIds.push(row.rowId);
    else kept.push(seen);
  }
  if (rowIds.length > 0)
    await database.deleteFrom('process_instance_metadata').where('id', 'in', rowIds).execute();
  return kept;
}
