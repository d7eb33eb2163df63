import type { BackfillService, ExtractionPath, RequestResult } from 'process-metadata-backfill';
import type { Sql, SqlDatabase } from '../../2-embedded-postgres/sql.js';
import type { ModelPort, ModelSave, SaveResult, StoredModel } from '../operator/ports.js';

type Requests = Pick<BackfillService<Sql>, 'request'>;

/**
 * The models of this host. A save compares the revision that its author has seen.
 * @param options.transactional whether model, run and job commit together. Otherwise a save stores the request that it owes,
 *   in its own transaction. The request follows at once, and {@link requestWhatIsOwed} repeats what a crash has left behind.
 */
export function createModels(
  database: SqlDatabase,
  service: Requests,
  { transactional }: { readonly transactional: boolean },
): ModelPort {
  return {
    list: () => database.query<StoredModel>('select id, revision, paths from process_model order by id'),
    async find(id) {
      const [model] = await database.query<StoredModel>(
        'select id, revision, paths from process_model where id = $1',
        [id],
      );
      return model ?? null;
    },
    async save(save): Promise<SaveResult> {
      if (!transactional) {
        await requestOwed(database, service, save.processModelId); // of an earlier save, if a crash has left it behind
        const before = await database.transaction((sql) => store(sql, save, { owes: true }));
        if (before === null) return { status: 'stale' };
        return { status: 'saved', request: await requestSoon(database, service, save.processModelId) };
      }
      return database.transaction(async (transaction): Promise<SaveResult> => {
        const before = await store(transaction, save, { owes: false });
        if (before === null) return { status: 'stale' };
        return {
          status: 'saved',
          request: await service.request({ ...requestOf(save, before), transaction }),
        };
      });
    },
  };
}

/** Repeats the requests of saves that were followed by none: the process died, or the request failed. */
export async function requestWhatIsOwed(database: SqlDatabase, service: Requests): Promise<void> {
  const owing = await database.query<{ id: string }>(
    `select id from process_model where owed_since < now() - interval '3 seconds'`,
  );
  for (const { id } of owing) await requestSoon(database, service, id);
}

/** @returns the paths before, or null if somebody else has saved in between. */
async function store(
  sql: Sql,
  save: ModelSave,
  { owes }: { readonly owes: boolean },
): Promise<readonly ExtractionPath[] | null> {
  const [model] = await sql.query<StoredModel>(
    'select id, revision, paths from process_model where id = $1 for update',
    [save.processModelId],
  );
  if (model === undefined || model.revision !== save.revision) return null;
  const owed = owes ? JSON.stringify(requestOf(save, model.paths)) : null;
  await sql.query(
    `update process_model set paths = $2, revision = revision + 1, owed_request = $3::jsonb,
       owed_since = case when $3 is null then null else now() end
     where id = $1`,
    [save.processModelId, JSON.stringify(save.paths), owed],
  );
  return model.paths;
}

/** If it fails now, the next repetition makes up for it. The model is saved, and other models get their requests. */
async function requestSoon(
  database: SqlDatabase,
  service: Requests,
  id: string,
): Promise<RequestResult | null> {
  try {
    return await requestOwed(database, service, id);
  } catch (error) {
    console.error(error);
    return null;
  }
}

async function requestOwed(
  database: SqlDatabase,
  service: Requests,
  id: string,
): Promise<RequestResult | null> {
  const [model] = await database.query<{ revision: number; owed: OwedRequest | null }>(
    'select revision, owed_request as owed from process_model where id = $1',
    [id],
  );
  if (!model?.owed) return null;
  const result = await service.request(model.owed);
  await database.query(
    'update process_model set owed_request = null, owed_since = null where id = $1 and revision = $2',
    [id, model.revision],
  );
  return result;
}

type OwedRequest = ReturnType<typeof requestOf>;

function requestOf(save: ModelSave, before: readonly ExtractionPath[]) {
  const { processModelId, paths: after, includeChanged, removed, requestedBy, reason } = save;
  return {
    processModelId,
    before,
    after,
    includeChanged,
    removed,
    requestedBy,
    ...(reason !== null && { reason }),
  };
}
