import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';
import { MODEL } from '../../support/instances.js';
import { completedTask } from '../../support/tables.js';
import { postgresWriter } from '../../testing/fixtures/postgres-fixture.js';
import { PATHS } from './fault-host.js';
import type { SeededRandom } from './seeded-random.js';

const KEYS = PATHS.map(({ key }) => key);

/** What the writer knows of one instance. */
export interface KnownInstance {
  /** Its live saves decide what its metadata are. */
  readonly running: boolean;
  /** By key: what the writer did last, `null` for a row that it deleted. Empty while it has not come to the instance. */
  readonly rows: Map<string, string | null>;
  /** The task data say the same as `rows`: the last thing that happened was a save. */
  isSaved: boolean;
}

export interface LiveWriter {
  /** Does one thing of those that live instances and their users do, in a transaction of its own. */
  act(): Promise<void>;
  readonly known: ReadonlyMap<number, KnownInstance>;
  readonly deleted: ReadonlySet<number>;
  readonly inserted: ReadonlySet<number>;
}

/** A live system beside a run: its instances go on, its users edit metadata, its clean-up deletes. */
export function createLiveWriter(
  database: SqlDatabase,
  random: SeededRandom,
  {
    instances,
    near,
  }: {
    readonly instances: readonly { readonly id: number; readonly running: boolean }[];
    /** The instances that the run is at: most is to happen there. */
    near(): readonly number[];
  },
): LiveWriter {
  const known = new Map<number, KnownInstance>(
    instances.map(({ id, running }) => [id, { running, rows: new Map(), isSaved: false }]),
  );
  const [deleted, inserted] = [new Set<number>(), new Set<number>()];
  let serial = 0;

  function choose(): [number, KnownInstance] | null {
    const own = near().filter((id) => known.has(id));
    const id = own.length > 0 && random.next() < 0.7 ? random.pick(own) : random.pick([...known.keys()]);
    const instance = known.get(id);
    return instance === undefined ? null : [id, instance];
  }

  /** Sets a row, or deletes it where there is no value. */
  const write = (sql: Sql, id: number, key: string, value: string | null) => {
    const { setMetadata, deleteMetadata } = postgresWriter(sql);
    return value === null ? deleteMetadata(id, key) : setMetadata(id, key, value);
  };

  /** A task is completed, with these values or with none of them in its data, and the metadata are saved as the data are. */
  async function save(id: number, instance: KnownInstance): Promise<void> {
    serial += 1;
    const values = KEYS.map((key) => [key, random.next() < 0.6 ? `live ${key} ${serial}` : null] as const);
    const [number, city, amount] = values.map(([, value]) => value ?? undefined);
    // The name makes each document another one, also where it has none of the values.
    const name = `live ${id} ${serial}`;
    const data = { name, invoice: { number }, customer: { address: { city } }, lines: [{ amount }] };
    const task = completedTask(JSON.parse(JSON.stringify(data)), 1000 + serial);
    await database.transaction(async (sql) => {
      await sql.query('update process_instance set status = status where id = $1', [id]);
      await postgresWriter(sql).addTask(id, task);
      for (const [key, value] of values) await write(sql, id, key, value);
    });
    for (const [key, value] of values) instance.rows.set(key, value);
    instance.isSaved = true;
  }

  async function edit(id: number, instance: KnownInstance): Promise<void> {
    serial += 1;
    const [key, value] = [random.pick(KEYS), random.next() < 0.6 ? `edited ${serial}` : null];
    await database.transaction((sql) => write(sql, id, key, value));
    instance.rows.set(key, value);
    instance.isSaved = false;
  }

  async function insert(): Promise<void> {
    const tasks = [completedTask({ invoice: { number: 'not for the run' } })];
    const instances = [{ processModelId: MODEL, running: true, tasks }];
    const ids = await database.transaction((sql) => postgresWriter(sql).insertInstances(instances));
    for (const id of ids) inserted.add(id);
  }

  return {
    known,
    deleted,
    inserted,
    async act() {
      const dice = random.next();
      const chosen = choose();
      if (dice < 0.05 || chosen === null) return insert();
      const [id, instance] = chosen;
      if (dice < 0.12) {
        await postgresWriter(database).deleteInstance(id);
        known.delete(id);
        deleted.add(id);
        return;
      }
      await (instance.running && dice < 0.7 ? save(id, instance) : edit(id, instance));
    },
  };
}
