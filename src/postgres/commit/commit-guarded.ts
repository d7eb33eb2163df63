import type { CommitResult, RepositoryCommit, WriteOutcome } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import type { Written } from '../metadata/metadata-store.js';
import { parameters } from '../sql/parameters.js';
import { sqlStateOf, UNIQUE_VIOLATION } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { type Batch, writesOf } from './batch.js';
import { lockInstances, movedInstances, presentInstances } from './lock-instances.js';
import { lockRecords, recordRows, storeRecords } from './records.js';

/**
 * Commits step by step, each value under its guard. The statements after a lock see what was saved while they waited for it.
 * @throws {Refusal} Then the transaction has to be rolled back.
 */
export async function commitGuarded(
  connection: PostgresConnection,
  tables: Tables,
  { expected, exhausted, next }: RepositoryCommit,
  batch: Batch,
): Promise<void> {
  if (!(await lockRecords(connection, tables.runs, expected))) throw new Refusal({ status: 'conflict' });
  if (exhausted && (await isAnyLeft(connection, tables, exhausted)))
    throw new Refusal({ status: 'not-exhausted' });

  const outcome = await write(connection, tables, batch);
  const records = recordRows(next(outcome), expected);
  const isStored = await storeRecords(connection, tables.runs, records).catch((error) => {
    if (sqlStateOf(error) === UNIQUE_VIOLATION) return false; // another record has the active key
    throw error;
  });
  if (!isStored) throw new Refusal({ status: 'conflict' });
}

/** Rolls the transaction back and becomes the result of `commit`. */
export class Refusal extends Error {
  constructor(readonly result: CommitResult) {
    super(result.status);
  }
}

async function isAnyLeft(
  connection: PostgresConnection,
  { instances }: Tables,
  range: NonNullable<RepositoryCommit['exhausted']>,
): Promise<boolean> {
  const bound = parameters();
  const inRange = instances.inRange(range, bound);
  const rows = await connection.query(
    `select true as found from ${instances.table} i where ${inRange} limit 1`,
    bound.values,
  );
  return rows.length > 0;
}

async function write(connection: PostgresConnection, tables: Tables, batch: Batch): Promise<WriteOutcome> {
  const living = new Set(await lockInstances(connection, tables, batch.locked));
  const present = new Set([...living, ...(await presentInstances(connection, tables, batch.others))]);
  // A soft-deleted instance still has a version.
  const versions = batch.versions.filter(({ id }) => living.has(id));
  const moved = await movedInstances(connection, tables, versions);
  for (const id of moved) living.delete(id);

  const allowed = writesOf(batch.writes, living);
  const wanted: Written[] = [...allowed.inserts, ...allowed.replacements, ...allowed.deletes];
  const written = wanted.length === 0 ? [] : await tables.metadata.writeGuarded(connection, allowed);
  const isWritten = new Set(written.map(nameOf));
  return {
    gone: batch.ids.filter((id) => !present.has(id)),
    moved,
    kept: wanted.filter((value) => !isWritten.has(nameOf(value))).map(({ id, key }) => ({ id, key })),
  };
}

function nameOf({ id, key }: Written): string {
  return JSON.stringify([id, key]);
}
