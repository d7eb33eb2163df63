import type { BackfillRepository, InstanceId, JsonValue } from 'process-metadata-backfill';
import type { PostgresDatabase, PostgresRepository } from 'process-metadata-backfill/postgres';
import type { FixtureTask, RepositoryFixture } from 'process-metadata-backfill/testing';
import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { fromSql } from '../../support/spiff-repository.js';

/** A host with tables of its own. */
export interface Host<Id extends InstanceId = InstanceId> {
  readonly title: string;
  /** SQL that creates its tables in an empty database, with the table of runs. */
  readonly schema: string;
  /** The quoted name of the table of runs. */
  readonly runs: string;
  /** The quoted name of the function beside it. */
  readonly isTrue: string;
  createRepository(
    database: PostgresDatabase<Sql>,
  ): BackfillRepository<Sql, Id> & Pick<PostgresRepository, 'check'>;
  writer(sql: Sql): HostWriter<Id>;
  readonly traits: HostTraits;
  /** The capabilities that the cases do not find on several connections. */
  readonly notOffered: readonly string[];
}

/** What live instances and their users do to the tables, on one connection or inside one transaction. */
export interface HostWriter<Id extends InstanceId> extends MetadataWriter<Id> {
  insertInstances: RepositoryFixture<never, Id>['insertInstances'];
  insertTogether?: RepositoryFixture<never, Id>['insertInstances'];
  deleteInstance(id: Id): Promise<void>;
  addTask(id: Id, task: FixtureTask): Promise<void>;
  breakTaskData?(id: Id): Promise<void>;
  /** Deletes instances, and all that belongs to them. */
  clear(ids: readonly Id[]): Promise<void>;
}

export interface MetadataWriter<Id extends InstanceId> {
  setMetadata(id: Id, key: string, value: JsonValue): Promise<void>;
  deleteMetadata(id: Id, key: string): Promise<void>;
  metadata(id: Id): Promise<Readonly<Record<string, unknown>>>;
}

export type HostTraits = Pick<
  RepositoryFixture,
  'processModelId' | 'takesIds' | 'oneDocument' | 'softDeletes'
>;

/** The host as the cases of the conformance suite want it. */
export function fixtureOf<Id extends InstanceId>(
  { createRepository, writer, traits, runs }: Host<Id>,
  database: SqlDatabase,
): RepositoryFixture<Sql, Id> {
  let afterStatement: (() => Promise<void>) | null = null;
  const awaiting: SqlDatabase = {
    async query(...statement) {
      const rows = await database.query(...statement);
      await afterStatement?.();
      return rows as never;
    },
    transaction: (work) => database.transaction(work),
  };
  /** A live instance writes in a transaction. */
  const within = <Result>(transaction: Sql | undefined, work: (sql: Sql) => Promise<Result>) =>
    transaction === undefined ? database.transaction(work) : work(transaction);
  return {
    ...writer(database),
    ...traits,
    repository: createRepository(fromSql(awaiting)),
    transaction: (work) => database.transaction(work),
    addTask: (id, task, { transaction } = {}) => within(transaction, (sql) => writer(sql).addTask(id, task)),
    setMetadata: (id, key, value, { transaction } = {}) =>
      within(transaction, (sql) => writer(sql).setMetadata(id, key, value)),
    afterStatements(work) {
      afterStatement = work;
    },
    async clear({ instanceIds, runIds }) {
      await writer(database).clear(instanceIds);
      await database.query(`delete from ${runs} where run_id ${AMONG}`, [JSON.stringify(runIds)]);
    },
  };
}

/** The same host, in whose database nobody was allowed to create the function. */
export function withoutFunction<Id extends InstanceId>(host: Host<Id>): Host<Id> {
  return { ...host, schema: `${host.schema} drop function ${host.isTrue};` };
}

/** SQL: the text before it is in the JSON list of the first parameter. */
export const AMONG = 'in (select json_array_elements_text($1::text::json))';

/** Metadata in rows of a table with a unique key over instance and key. Names are quoted. */
export function rowsWriter<Id extends InstanceId>(
  sql: Sql,
  { table, instance, key = 'key', value = 'value', type = 'text' }: RowsTable,
): MetadataWriter<Id> {
  return {
    async setMetadata(id, name, stored) {
      const text = stored === null || type === 'text' ? stored : JSON.stringify(stored);
      await sql.query(
        `insert into ${table} (${instance}, ${key}, ${value}) values ($1, $2, $3::text::${type})
         on conflict (${instance}, ${key}) do update set ${value} = excluded.${value}`,
        [id, name, text],
      );
    },
    async deleteMetadata(id, name) {
      await sql.query(`delete from ${table} where ${instance} = $1 and ${key} = $2`, [id, name]);
    },
    async metadata(id) {
      const rows = await sql.query<{ key: string; value: string | null }>(
        `select ${key} as key, ${value}::text as value from ${table} where ${instance} = $1`,
        [id],
      );
      const read = (text: string | null) => (text === null || type === 'text' ? text : JSON.parse(text));
      return Object.fromEntries(rows.map((row) => [row.key, read(row.value)]));
    },
  };
}

interface RowsTable {
  readonly table: string;
  readonly instance: string;
  readonly key?: string;
  readonly value?: string;
  readonly type?: 'text' | 'json' | 'jsonb';
}

/** Metadata in members of a jsonb column. Names are quoted. */
export function membersWriter<Id extends InstanceId>(
  sql: Sql,
  { table, column, id: idColumn = 'id' }: MembersColumn,
): MetadataWriter<Id> {
  return {
    async setMetadata(id, name, stored) {
      await sql.query(
        `update ${table} set ${column} = coalesce(${column}, '{}') || jsonb_build_object($2::text, $3::text::jsonb)
         where ${idColumn} = $1`,
        [id, name, JSON.stringify(stored)],
      );
    },
    async deleteMetadata(id, name) {
      await sql.query(`update ${table} set ${column} = ${column} - $2::text where ${idColumn} = $1`, [
        id,
        name,
      ]);
    },
    async metadata(id) {
      const [row] = await sql.query<{ members: string | null }>(
        `select ${column}::text as members from ${table} where ${idColumn} = $1`,
        [id],
      );
      return JSON.parse(row?.members ?? '{}') as Record<string, unknown>;
    },
  };
}

interface MembersColumn {
  readonly table: string;
  readonly column: string;
  readonly id?: string;
}
