import type { RepositoryCommit, RunRecord, WriteOutcome } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import { type Parameters, parameters } from '../sql/parameters.js';
import type { Tables } from '../tables/tables.js';
import type { Batch } from './batch.js';
import { livingOf, movedOf } from './lock-instances.js';
import { RECORD_COLUMNS, recordRows } from './records.js';

/**
 * Sends a commit as one statement. It writes everything, if everything is as it was when the batch was read. Otherwise it writes
 * nothing. Locks come first: on the records, then on the instances.
 *
 * If the statement waited for a lock, it does not see what was saved in the meantime, as its snapshot is older. It sees only the
 * rows that it has locked as they are now. So the versions are compared by a function: each statement in a function has a snapshot of its
 * own. Without the function, the caller must lock the instances first.
 * @returns whether it has written everything.
 */
export async function commitAtOnce(
  connection: PostgresConnection,
  tables: Tables,
  commit: RepositoryCommit,
  batch: Batch,
  versions: 'by the function' | 'here' = 'here',
): Promise<boolean> {
  const { instances, metadata, runs } = tables;
  const bound = parameters();
  const next = nextIfWhole(commit);
  if (next === null) return false;
  const records = recordRows(next, commit.expected);
  const writes = metadata.undisturbed(batch.writes, bound);
  const knownCount = records.filter(({ before }) => before !== null).length;
  const conditions = [
    `(select count(*) from backfill_own) = ${bound.add(knownCount, 'bigint')}`,
    ...(batch.locked.length === 0
      ? []
      : [
          `(select count(*) from backfill_living where is_free) = ${bound.add(batch.locked.length, 'bigint')}`,
        ]),
    ...(batch.others.length === 0 ? [] : [areThere(tables, batch, bound)]),
    ...(batch.versions.length === 0 ? [] : [areTheSame(tables, batch, versions, bound)]),
    ...(commit.exhausted === undefined
      ? []
      : [
          `not exists (select from ${instances.table} i where ${instances.inRange(commit.exhausted, bound)})`,
        ]),
    ...writes.conditions,
  ];
  const created = `
    insert into ${runs.table} (id, run_id, process_model_id, revision, active_key, content)
    select id, run_id, process_model_id, revision, active_key, content::json from backfill_records
    where before is null and exists (select from backfill_stored)`;
  const writing = [
    ...(knownCount === records.length ? [] : [`backfill_created as (${created})`]),
    ...writes.parts,
  ];
  // The names are such that no host has a table of that name, which its SQL could not read here.
  const text = `
    with backfill_records as materialized (
      select * from json_to_recordset(${bound.add(JSON.stringify(records), 'json')}) r (${RECORD_COLUMNS}, before text)
    ), backfill_own as materialized (
      select stored.id from ${runs.table} stored, backfill_records r where stored.id = r.id and stored.revision = r.before
      order by stored.id for update of stored
    ), backfill_living as materialized (
      ${livingOf(tables, bound.addList(batch.locked, instances.idType), `, ${writes.isFree} as is_free`)}
    ), backfill_whole as materialized (
      select ${conditions.join(' and ')} as is_whole
    ), backfill_stored as (
      select from backfill_whole where is_whole
    ), backfill_updated as (
      update ${runs.table} run set revision = r.revision, active_key = r.active_key, content = r.content::json
      from backfill_records r where run.id = r.id and r.before is not null and exists (select from backfill_stored)
    )${writing.map((part) => `, ${part}`).join('')}
    select is_whole as whole from backfill_whole`;
  const [answer] = (await connection.query(tables.metadataSize.sentAs(text), bound.values)) as {
    readonly whole: boolean;
  }[];
  return answer?.whole === true;
}

const AS_READ: WriteOutcome = { gone: [], kept: [], moved: [] };

/** The records after a commit that writes everything. `null`: `next` throws an error, but only after the values are written. */
function nextIfWhole({ next }: RepositoryCommit): readonly RunRecord[] | null {
  try {
    return next(AS_READ);
  } catch {
    return null;
  }
}

function areThere({ instances }: Tables, { others }: Batch, bound: Parameters): string {
  const { table, id, idType, counts } = instances;
  return `(
    select count(*) from ${table} i where i.${id} = any (${bound.addList(others, idType)}) and ${counts}) = ${bound.add(others.length, 'bigint')}`;
}

function areTheSame(
  tables: Tables,
  { versions }: Batch,
  how: 'by the function' | 'here',
  bound: Parameters,
): string {
  const json = JSON.stringify(versions);
  if (how === 'here') return `not exists (${movedOf(tables, bound.add(json, 'json'))})`;
  const statement = `select not exists (${movedOf(tables, '$1::json')})`;
  // The number of locked instances is known only once they are locked.
  return `${tables.runs.isTrue}(${bound.add(statement, 'text')}, ${bound.add(json, 'text')}, (select count(*) from backfill_living))`;
}
