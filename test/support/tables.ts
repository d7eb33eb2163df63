import { randomUUID } from 'node:crypto';
import type { Transaction } from 'kysely';
import type { JsonValue } from 'process-metadata-backfill';
import type { FixtureInstance, FixtureTask, RepositoryFixture } from 'process-metadata-backfill/testing';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import type { EmptyDatabase } from '../../examples/3-sql-databases/databases/empty-database.js';
import type { Tables } from '../../examples/3-sql-databases/repository/tables.js';
import { kyselyFixture } from '../testing/fixtures/kysely-fixture.js';
import type { TablesFixture } from '../testing/fixtures/tables-fixture.js';
import { MODEL } from './instances.js';

const TABLES = [
  'process_instance_metadata',
  'task',
  'json_data',
  'process_instance',
  'metadata_backfill_run',
];

/** Opens tables for the suite that calls it, empties them before each test, and leaves nothing behind. */
export function useTables<Opened extends TablesFixture>(open: () => Promise<Opened>): () => Opened {
  let opened: Opened | undefined;
  beforeAll(async () => {
    opened = await open();
  });
  afterAll(() => opened?.close?.());
  beforeEach(async () => {
    for (const table of TABLES) await opened?.sql(`delete from ${table}`);
  });
  return () => {
    if (opened === undefined) throw new Error('the tables are not there');
    return opened;
  };
}

/** Tables that are reached by Kysely. */
export type KyselyTables = TablesFixture<Transaction<Tables>> & EmptyDatabase;

export async function kyselyTables<Opened extends EmptyDatabase>(
  opening: Promise<Opened>,
): Promise<Opened & KyselyTables> {
  const opened = await opening;
  return { ...kyselyFixture(opened), ...opened };
}

type Inserting = Pick<RepositoryFixture<never, number>, 'insertInstances'>;

/** An ended instance of `MODEL` without tasks, unless told otherwise. */
export async function insertInstance(
  { insertInstances }: Inserting,
  fields: Partial<FixtureInstance> = {},
): Promise<number> {
  const [id] = await insertInstances([{ processModelId: MODEL, running: false, tasks: [], ...fields }]);
  if (id === undefined) throw new Error('expected an instance');
  return id;
}

export async function insertThree(
  tables: Inserting,
  fields: Partial<FixtureInstance> = {},
): Promise<[number, number, number]> {
  return [
    await insertInstance(tables, fields),
    await insertInstance(tables, fields),
    await insertInstance(tables, fields),
  ];
}

/** A completed task that ended so many seconds after the epoch. */
export function completedTask(data: JsonValue, end = 1): FixtureTask {
  return { id: randomUUID(), state: 'COMPLETED', endedAt: new Date(1000 * end), data };
}
