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

/** The hash of the newest task data of an instance. Equal data have equal hashes, so it serves as the version. */
export function newestHashOf(dialect: Dialect, instanceId: string) {
  return sql<string | null>`(
    select t.json_data_hash from task t where t.process_instance_id = ${sql.ref(instanceId)} and t.state = 'COMPLETED'
    order by t.end_in_seconds is null, t.end_in_seconds desc, ${dialect.bytesOf('t.guid')} limit 1)`;
}

/**
 * Reads a page in one statement, so that no metadata row is newer than the data. The statement has three steps that a
 * planner does not merge: the ids, from the index alone; the look-ups for each id, with a limit that removes nothing but
 * prevents merging; and the documents. Each look-up is a subquery, because a planner may turn a join into a scan.
 */
export async function readPage(
  database: Database,
  dialect: Dialect,
  { paths, ...instances }: PageQuery<number>,
): Promise<InstanceSnapshot<number>[]> {
  const keys = paths.map(({ key }) => key);
  const overwrites = paths.some(({ mode }) => mode === 'overwrite');
  const rows = await database
    .with(
      (chosen) => (dialect.materializes ? chosen('chosen').materialized() : chosen('chosen')),
      () => instancesIn(database, dialect, instances).select('i.id'),
    )
    .with('page', (chosen) =>
      chosen
        .selectFrom('chosen as c')
        .select(['c.id', newestHashOf(dialect, 'c.id').as('hash')])
        .select(({ selectFrom }) => [
          selectFrom('process_instance as i')
            .select('i.status')
            .whereRef('i.id', '=', 'c.id')
            .$asScalar()
            .$notNull()
            .as('status'),
          selectFrom('process_instance_metadata as m')
            .select(dialect.rowsOfGroup.as('rows'))
            .whereRef('m.process_instance_id', '=', 'c.id')
            .where('m.key', 'in', keys)
            .as('stored'),
        ])
        .limit(instances.limit),
    )
    .selectFrom('page as p')
    .select(['p.id', 'p.status', 'p.hash', dialect.asText(sql.ref('p.stored')).as('stored')])
    .select(({ selectFrom }) => {
      const document = selectFrom('json_data as d')
        .select(dialect.asText(sql.ref('d.data')).as('data'))
        .whereRef('d.hash', '=', 'p.hash');
      const isNeeded = overwrites ? sql`true` : sql`${dialect.rowsIn(sql.ref('p.stored'))} < ${keys.length}`;
      return sql<string | null>`case when ${isNeeded} then ${document} end`.as('data');
    })
    .orderBy('p.id')
    .execute();
  return rows.map((row) => snapshotOf(row, keys, overwrites));
}

interface PageRow {
  readonly id: number;
  readonly status: string;
  readonly hash: string | null;
  readonly data: string | null;
  /** JSON: the rows as `[key, value, token]`. */
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
