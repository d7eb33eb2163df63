import type { InstanceId, RepositoryCommit } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import { parameters } from '../sql/parameters.js';
import { resultOf } from '../tables/instances.js';
import type { Tables } from '../tables/tables.js';
import type { Batch } from './batch.js';

/** Locks records, then instances, and waits for saves that are under way. @returns the ids of the instances that still count. */
export async function lockInstances(
  connection: PostgresConnection,
  tables: Tables,
  ids: readonly InstanceId[],
  records: RepositoryCommit['expected'] = [],
): Promise<readonly InstanceId[]> {
  if (ids.length === 0) return [];
  const bound = parameters();
  const { instances, runs } = tables;
  const text = `
    with backfill_records as materialized (
      select id from ${runs.table} where id = any (${bound.addList(
        records.map(({ id }) => id),
        'text',
      )}) order by id for update
    ), backfill_living as materialized (
      ${livingOf(tables, bound.addList(ids, instances.idType))}
    )
    select ${resultOf('id', instances.idType)} as id from backfill_living where (select count(*) from backfill_records) >= 0`;
  return ((await connection.query(text, bound.values)) as { readonly id: InstanceId }[]).map(({ id }) => id);
}

/**
 * SQL: locks instances in the order of their ids. After the wait for saves, those that still count are returned.
 * @param results further result columns, over `i`, as they are after the wait.
 */
export function livingOf({ instances, metadata }: Tables, ids: string, results = ''): string {
  const { table, id, counts } = instances;
  return `
    select i.${id} as id${results} from ${table} i where i.${id} = any (${ids}) and ${counts}
    order by i.${id} ${metadata.lock} of i`;
}

/** SQL: the instances that have another version than the one given. @param versions SQL of a JSON list. */
export function movedOf({ instances, documents }: Tables, versions: string): string {
  const { table, id, idType } = instances;
  return `
    select v.id from json_to_recordset(${versions}) v (id ${idType}, version text)
    cross join lateral (select *, i.xmin from ${table} i where i.${id} = v.id offset 0) i
    where ${documents.isMoved('v.version')}`;
}

/** The instances that have another version by now. */
export async function movedInstances(
  connection: PostgresConnection,
  tables: Tables,
  versions: Batch['versions'],
): Promise<readonly InstanceId[]> {
  if (versions.length === 0) return [];
  const text = `select ${resultOf('id', tables.instances.idType)} as id from (${movedOf(tables, '$1::text::json')}) moved`;
  const rows = await connection.query(text, [JSON.stringify(versions)]);
  return (rows as { readonly id: InstanceId }[]).map(({ id }) => id);
}

/** Those of the given instances that still count, without a lock. */
export async function presentInstances(
  connection: PostgresConnection,
  { instances }: Tables,
  ids: readonly InstanceId[],
): Promise<readonly InstanceId[]> {
  if (ids.length === 0) return [];
  const bound = parameters();
  const { table, id, idType, counts } = instances;
  const text = `
    select ${resultOf('id', idType)} as id from (
      select i.${id} as id from ${table} i where i.${id} = any (${bound.addList(ids, idType)}) and ${counts}) present`;
  return ((await connection.query(text, bound.values)) as { readonly id: InstanceId }[]).map((row) => row.id);
}
