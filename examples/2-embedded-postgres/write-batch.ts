import type { InstanceWrites, MetadataWrite, WriteOutcome } from 'process-metadata-backfill';
import { NEWEST_HASH } from './read-page.js';
import type { Sql } from './sql.js';

type Batch = readonly InstanceWrites<number>[];

export type BatchWriter = (sql: Sql, batch: Batch) => Promise<WriteOutcome<number>>;

/** Thrown to roll back when another writer was there since the page was read. The batch is then locked, and written with guards. */
export class Disturbance extends Error {}

/** A batch that only fills is first written as if nothing had changed since the page was read. Nearly always that is true. */
export function firstWriterFor(batch: Batch): BatchWriter {
  return batch.every(({ values }) => values.every(isPlain)) ? writeUndisturbed : writeGuarded;
}

/**
 * Whether the values can be sent as an array of texts. A NUL and half a surrogate pair must be refused. PostgreSQL does so in
 * JSON, but in an array another character arrives in place of the half.
 */
function isPlain({ key, value, replaces }: MetadataWrite): boolean {
  return replaces === undefined && ![key, value].some((text) => /[\0\p{Cs}]/u.test(String(text)));
}

/**
 * Writes everything or nothing. That costs the database two thirds of what guards cost.
 * @throws {Disturbance}
 */
async function writeUndisturbed(sql: Sql, batch: Batch): Promise<WriteOutcome<number>> {
  const ids = batch.flatMap(({ id, values }) => values.map(() => id));
  const rows = batch.flatMap(({ values }) => values);
  const columns = [ids, rows.map(({ key }) => key), rows.map(({ value }) => value)];
  try {
    const values = [versionsOf(batch), ...lockedAndOthers(batch), ...columns];
    const [answer] = await sql.query<{ whole: boolean; moved: readonly number[] }>(WRITE_ALL, values);
    if (answer?.whole !== true) throw new Disturbance('An instance is gone.');
    return { gone: [], kept: [], moved: answer.moved };
  } catch (error) {
    const { code } = error as { readonly code?: unknown };
    throw code === UNIQUE_VIOLATION ? new Disturbance('A row is there.', { cause: error }) : error;
  }
}

/** Writes each value only if its guard holds. */
export async function writeGuarded(sql: Sql, batch: Batch): Promise<WriteOutcome<number>> {
  const writes = batch.flatMap(({ id, values }) =>
    values.map(({ key, value, replaces }) => ({ id, key, value, token: replaces?.token })),
  );
  const values = [versionsOf(batch), ...lockedAndOthers(batch), JSON.stringify(writes)];
  const [outcome] = await sql.query<WriteOutcome<number>>(WRITE_GUARDED, values);
  return outcome ?? { gone: [], kept: [], moved: [] };
}

/** Waits for saves that are under way. The statements after it see what they have saved. */
export async function lockInstances(sql: Sql, batch: Batch): Promise<void> {
  const [locked] = lockedAndOthers(batch);
  await sql.query(LOCK, [locked]);
}

/** JSON: the versions to compare, by instance. */
export function versionsOf(batch: Batch, except: ReadonlySet<number> = new Set()): string {
  const compared = batch.filter(({ id, version }) => version !== undefined && !except.has(id));
  return JSON.stringify(compared.map(({ id, version }) => ({ id, version })));
}

/**
 * Splits a batch into the instances to lock, which have values or a version, and the others. The others are only looked up,
 * to see which are gone.
 */
function lockedAndOthers(batch: Batch): [locked: number[], others: number[]] {
  const [locked, others]: [number[], number[]] = [[], []];
  for (const { id, values, version } of batch)
    (values.length > 0 || version !== undefined ? locked : others).push(id);
  return [locked, others];
}

const UNIQUE_VIOLATION = '23505';

// A save that is under way must end before versions are compared. `for share` waits for it, because a save also updates its
// instance. `for update` would make live inserts of metadata fail: their foreign key waits for that lock, while this batch
// waits for their row.
const lockOf = (ids: string) =>
  `select i.id from process_instance i where i.id = any (${ids}) order by i.id for share`;
const LOCK = lockOf('$1');
const LIVING = `living as materialized (${lockOf('$2')})`;

/** The instances of $1 that have another version by now. */
export const MOVED: string = `
  select i.id from json_to_recordset($1) as i (id int, version text)
  where i.version <> coalesce(${NEWEST_HASH}, '')`;

const LEFT = `moved as materialized (select id from (${MOVED}) m where id in (table living))`;

const COLUMNS = '(process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)';

// Its only guard is the unique key (process_instance_id, key). Rows are always written in the same order: two writers that
// write them in different orders would wait for each other.
const WRITE_ALL = `
  with ${LIVING}, ${LEFT}, seen as materialized (
    select (select count(*) from living) = cardinality($2)
      and (select count(*) from process_instance i where i.id = any ($3)) = cardinality($3) as whole
  ), filled as (
    insert into process_instance_metadata ${COLUMNS}
    select id, key, value, now, now
    from unnest($4::int[], $5::text[], $6::text[]) as row (id, key, value), (select extract(epoch from now())::int as now) n
    where (select whole from seen) and id not in (table moved) order by id, key
  )
  select whole, array(table moved) as moved from seen`;

// The column is not null. So there is no null row that a value could replace, and a write without a value is a delete.
const WRITE_GUARDED = `
  with ${LIVING}, ${LEFT}, present as (
    table living union all select i.id from process_instance i where i.id = any ($3)
  ), wanted as materialized (
    select id, key, value, token, extract(epoch from now())::int as now
    from json_to_recordset($4) as w (id int, key text, value text, token text)
    where id in (table living) and id not in (table moved)
  ), deleted as (
    delete from process_instance_metadata m using wanted w
    where w.value is null and w.token is not null and m.process_instance_id = w.id and m.key = w.key and m.xmin::text = w.token
    returning m.process_instance_id, m.key
  ), replaced as (
    update process_instance_metadata m set value = w.value, updated_at_in_seconds = w.now from wanted w
    where w.value is not null and w.token is not null and m.process_instance_id = w.id and m.key = w.key and m.xmin::text = w.token
    returning m.process_instance_id, m.key
  ), filled as (
    insert into process_instance_metadata ${COLUMNS}
    select id, key, value, now, now from wanted where token is null order by id, key
    on conflict (process_instance_id, key) do nothing
    returning process_instance_id, key
  ), written as (
    table deleted union all table replaced union all table filled
  )
  select
    array(table moved) as moved,
    case when (select count(*) from present) = cardinality($2) + cardinality($3) then '{}'
      else array(select unnest($2::int[] || $3::int[]) except table present) end as gone,
    case when (select count(*) from written) = (select count(*) from wanted) then '[]'
      else (select json_agg(k) from (select id, key from wanted except table written) k) end as kept`;
