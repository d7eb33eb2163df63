import type { RepositoryCommit, RunFilter, RunRecord } from 'process-metadata-backfill';
import type { Dialect } from './dialects.js';
import type { Database } from './tables.js';

/** Locks the records of `expected` that exist. Returns their revisions, or `null` if one is not as expected. */
export async function lockRecords(
  database: Database,
  dialect: Dialect,
  expected: RepositoryCommit['expected'],
): Promise<ReadonlyMap<string, string> | null> {
  if (expected.length === 0) return new Map();
  const locked = await database
    .selectFrom('metadata_backfill_run')
    .select(['id', 'revision'])
    .where(
      'id',
      'in',
      expected.map(({ id }) => id),
    )
    .orderBy('id')
    .modifyEnd(dialect.lockForUpdate)
    .execute();
  const revisions = new Map(locked.map(({ id, revision }) => [id, revision]));
  return expected.every(({ id, revision }) => revision === (revisions.get(id) ?? null)) ? revisions : null;
}

/** Updates the locked records and inserts the others. Fails if an id or an active key is taken. */
export async function storeRecords(
  database: Database,
  records: readonly RunRecord[],
  locked: ReadonlyMap<string, string>,
): Promise<void> {
  const created = records.filter(({ id }) => !locked.has(id));
  for (const record of records.filter(({ id }) => locked.has(id))) {
    await database
      .updateTable('metadata_backfill_run')
      .set(rowOf(record))
      .where('id', '=', record.id)
      .execute();
  }
  if (created.length === 0) return;
  await database.insertInto('metadata_backfill_run').values(created.map(rowOf)).execute();
}

export async function loadRecords(database: Database, runId: string): Promise<RunRecord[]> {
  const rows = await selectRecords(database).where('run_id', '=', runId).execute();
  return rows.map(recordOf);
}

export async function findRecords(
  database: Database,
  dialect: Dialect,
  filter: RunFilter,
): Promise<RunRecord[]> {
  const { processModelId, activeKey, active, before, limit } = filter;
  const rows = await selectRecords(database)
    .whereRef('id', '=', 'run_id')
    .$if(processModelId !== null, (query) =>
      query.where(dialect.isTheOnly('process_model_id', processModelId ?? '')),
    )
    .$if(activeKey !== null, (query) => query.where('active_key', '=', activeKey))
    .$if(active !== null, (query) => query.where('active_key', active ? 'is not' : 'is', null))
    .$if(before !== null, (query) => query.where('id', '<', before))
    .orderBy('id', 'desc')
    .limit(limit)
    .execute();
  return rows.map(recordOf);
}

function selectRecords(database: Database) {
  return database
    .selectFrom('metadata_backfill_run')
    .select(['id', 'run_id', 'process_model_id', 'revision', 'active_key', 'content']);
}

function rowOf({ id, runId, processModelId, revision, activeKey, content }: RunRecord) {
  return {
    id,
    run_id: runId,
    process_model_id: processModelId,
    revision,
    active_key: activeKey,
    content: JSON.stringify(content),
  };
}

function recordOf({ id, run_id, process_model_id, revision, active_key, content }: ReturnType<typeof rowOf>) {
  return {
    id,
    runId: run_id,
    processModelId: process_model_id,
    revision,
    activeKey: active_key,
    content: JSON.parse(content),
  };
}
