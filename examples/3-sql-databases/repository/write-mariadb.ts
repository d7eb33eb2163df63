import { sql } from 'kysely';
import { keyTakenFor } from './check-keys.js';
import { hasCode, TransientError } from './driver-errors.js';
import { inPackets } from './packets.js';
import type { Database } from './tables.js';
import { type KeptValue, rowName, type ValueWrite } from './value-write.js';

/**
 * Three steps: lock and read the existing rows, insert the missing ones, update those that are still as they were read.
 * Each step is one statement, or several if it would be too long. A single statement could not tell which values it kept.
 * And `insert … select` would hold the lock on auto_increment, so that live inserts fail.
 */
export async function writeMariadb(
  database: Database,
  writes: readonly ValueWrite[],
): Promise<readonly KeptValue[]> {
  const rows = new Map((await lockRows(database, writes)).map((row) => [rowName(row), row]));

  const filling = writes.filter((write) => write.token === null && !rows.has(rowName(write)));
  for (const part of inPackets(filling)) await insertRows(database, part);

  const replacing = writes.filter((write) => {
    const row = rows.get(rowName(write));
    return row !== undefined && row.token === write.token && row.value === write.seen;
  });
  for (const part of inPackets(replacing)) {
    await updateRows(
      database,
      part.map((write) => ({ id: rows.get(rowName(write))?.rowId, value: write.value })),
    );
  }
  const written = new Set([...filling, ...replacing].map(rowName));
  return writes.filter((write) => !written.has(rowName(write)));
}

/** Locking reads the newest rows at every isolation level, and nobody changes them afterwards. */
async function lockRows(database: Database, writes: readonly ValueWrite[]) {
  const keys = new Set(writes.map(({ key }) => key));
  const rows = await database
    .selectFrom('process_instance_metadata as m')
    .select(['m.id as rowId', 'm.process_instance_id as id', 'm.key', 'm.value'])
    .select(sql<string>`concat(m.id, ' ', m.updated_at_in_seconds)`.as('token'))
    .where('m.process_instance_id', 'in', [...new Set(writes.map(({ id }) => id))])
    .where('m.key', 'in', [...keys])
    .modifyEnd(sql`for update`)
    .execute();
  const odd = rows.find(({ key }) => !keys.has(key));
  if (odd !== undefined) throw new Error(keyTakenFor(odd.key));
  return rows;
}

async function insertRows(database: Database, writes: readonly ValueWrite[]): Promise<void> {
  const now = sql<number>`unix_timestamp()`;
  const rows = writes.map(({ id, key, value }) => ({
    process_instance_id: id,
    key,
    value,
    created_at_in_seconds: now,
    updated_at_in_seconds: now,
  }));
  try {
    await database.insertInto('process_instance_metadata').values(rows).execute();
  } catch (error) {
    // A live instance was faster. The retry sees what it wrote.
    if (hasCode(error, 'ER_DUP_ENTRY')) throw new TransientError('a row was inserted meanwhile');
    throw error;
  }
}

async function updateRows(database: Database, rows: readonly object[]): Promise<void> {
  await sql`
    update process_instance_metadata m
    join json_table(${JSON.stringify(rows)}, '$[*]' columns (
      id int path '$.id', value varchar(255) character set utf8mb4 path '$.value'
    )) w on w.id = m.id
    set m.value = w.value, m.updated_at_in_seconds = unix_timestamp()`.execute(database);
}
