import { sql } from 'kysely';
import type { InstanceRange, InstanceSnapshot, PageQuery, TaskData } from 'process-metadata-backfill';
import { keyTakenFor } from './check-keys.js';
import type { Dialect } from './dialects.js';
import type { Database } from './tables.js';

interface Instances extends Omit<InstanceRange<number>, 'upTo'> {
  readonly upTo: InstanceRange['upTo'] | null;
  readonly limit: number | null;
}

/** The first instances `i` of a range, in the order of the index on process model and id. */
export function instancesIn(database: Database, dialect: Dialect, instances: Instances) {
  const { processModelId, instanceIds, after, upTo, limit } = instances;
  return database
    .selectFrom('process_instance as i')
    .where(dialect.isTheOnly('i.process_model_identifier', processModelId))
    .$if(after !== null, (query) => query.where('i.id', '>', Number(after)))
    .$if(upTo !== null, (query) => query.where('i.id', '<=', Number(upTo)))
    .$if(instanceIds !== null, (query) => query.where(dialect.isIn('i.id', instanceIds ?? [])))
    .orderBy('i.process_model_identifier')
    .orderBy('i.id')
    .$if(limit !== null, (query) => query.limit(Number(limit)));
}

/** Of the instance `i`, the hash of the task data that counts. Equal data have equal hashes: it serves as a version. */
export const newestHash = sql<string | null>`(
  select t.json_data_hash from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
  order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid limit 1)`;

/**
 * A page in one statement: the instances, limited before anything is looked up for them; then what is looked up for
 * each; then the documents, by their hashes. So neither task nor json_data is ever scanned. The second limit cuts
 * nothing off, it keeps PostgreSQL from merging two of these into one. The metadata rows are never newer than the data.
 */
export async function readPage(
  database: Database,
  dialect: Dialect,
  { paths, ...instances }: PageQuery<number>,
): Promise<InstanceSnapshot<number>[]> {
  const keys = paths.map(({ key }) => key);
  const overwrites = paths.some(({ mode }) => mode === 'overwrite');
  const metadata = database
    .selectFrom('process_instance_metadata as m')
    .whereRef('m.process_instance_id', '=', sql.ref('i.id'))
    .where('m.key', 'in', keys);
  const page = database
    .selectFrom(instancesIn(database, dialect, instances).select(['i.id', 'i.status']).as('i'))
    .select(['i.id', 'i.status', newestHash.as('hash')])
    .select(metadata.select(dialect.rowsOfGroup.as('rows')).as('stored'))
    .select(metadata.select(({ fn }) => fn.countAll().as('count')).as('stored_count'))
    .limit(instances.limit);
  const rows = await database
    .selectFrom(page.as('p'))
    .leftJoin('json_data as d', (join) => {
      const byHash = join.onRef('d.hash', '=', 'p.hash');
      return overwrites ? byHash : byHash.on('p.stored_count', '<', keys.length);
    })
    .select(['p.id', 'p.status', 'p.hash'])
    .select([dialect.asText(sql.ref('d.data')).as('data'), dialect.asText(sql.ref('p.stored')).as('stored')])
    .orderBy('p.id')
    .execute();
  return rows.map((row) => snapshotOf(row, keys, overwrites));
}

interface PageRow {
  readonly id: number;
  readonly status: string;
  readonly hash: string | null;
  readonly data: string | null;
  /** Rows as `[key, value, token]`. */
  readonly stored: string | null;
}

function snapshotOf(row: PageRow, keys: readonly string[], overwrites: boolean): InstanceSnapshot<number> {
  const rows: readonly [key: string, value: string, token: string][] = JSON.parse(row.stored ?? '[]');
  const isNeeded = overwrites || rows.length < keys.length;
  const intruder = rows.find(([key]) => !keys.includes(key));
  return {
    id: row.id,
    cursor: row.id,
    data: intruder ? { form: 'unreadable', reason: keyTakenFor(intruder[0]) } : taskDataOf(row, isNeeded),
    stored: new Map(rows.map(([key, value, token]) => [key, { value, token }])),
    ...(!ENDED.has(row.status) && { running: true, version: row.hash ?? '' }),
  };
}

const ENDED: ReadonlySet<string> = new Set(['complete', 'error', 'terminated']);

function taskDataOf({ hash, data }: PageRow, isNeeded: boolean): TaskData {
  if (hash === null || !isNeeded) return { form: 'none' };
  if (data === null) return { form: 'unreadable', reason: `there is no json_data ${hash}` };
  return { form: 'json', text: data };
}
