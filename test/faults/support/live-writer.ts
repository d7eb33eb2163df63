import type { Pool, PoolClient } from 'pg';
import { MODEL } from '../../support/instances.js';
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
  pool: Pool,
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

  async function transaction(work: (client: PoolClient) => Promise<void>): Promise<void> {
    const client = await pool.connect();
    try {
      await client.query('begin');
      await work(client);
      await client.query('commit');
    } finally {
      client.release();
    }
  }

  function choose(): [number, KnownInstance] | null {
    const own = near().filter((id) => known.has(id));
    const id = own.length > 0 && random.next() < 0.7 ? random.pick(own) : random.pick([...known.keys()]);
    const instance = known.get(id);
    return instance === undefined ? null : [id, instance];
  }

  const upsert = (client: PoolClient, id: number, key: string, value: string) =>
    client.query(
      `insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
       values ($1, $2, $3, 1, 1) on conflict (process_instance_id, key) do update set value = excluded.value`,
      [id, key, value],
    );
  const remove = (client: PoolClient, id: number, key: string) =>
    client.query('delete from process_instance_metadata where process_instance_id = $1 and key = $2', [
      id,
      key,
    ]);

  /** A task is completed, with these values or with none of them in its data, and the metadata are saved as the data are. */
  async function save(id: number, instance: KnownInstance): Promise<void> {
    serial += 1;
    const values = KEYS.map((key) => [key, random.next() < 0.6 ? `live ${key} ${serial}` : null] as const);
    const [number, city, amount] = values.map(([, value]) => value ?? undefined);
    const data = { invoice: { number }, customer: { address: { city } }, lines: [{ amount }] };
    await transaction(async (client) => {
      await client.query('update process_instance set status = status where id = $1', [id]);
      await completeTask(client, id, `live ${id} ${serial}`, data);
      for (const [key, value] of values) {
        await (value === null ? remove(client, id, key) : upsert(client, id, key, value));
      }
    });
    for (const [key, value] of values) instance.rows.set(key, value);
    instance.isSaved = true;
  }

  async function edit(id: number, instance: KnownInstance): Promise<void> {
    serial += 1;
    const [key, value] = [random.pick(KEYS), random.next() < 0.6 ? `edited ${serial}` : null];
    await transaction(async (client) => {
      await (value === null ? remove(client, id, key) : upsert(client, id, key, value));
    });
    instance.rows.set(key, value);
    instance.isSaved = false;
  }

  async function insert(): Promise<void> {
    serial += 1;
    await transaction(async (client) => {
      const { rows } = await client.query<{ id: number }>(
        'insert into process_instance (process_model_identifier, status) values ($1, $2) returning id',
        [MODEL, 'user_input_required'],
      );
      const id = rows[0]?.id ?? 0;
      await completeTask(client, id, `new ${id}`, { invoice: { number: 'not for the run' } });
      inserted.add(id);
    });
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
        await transaction(async (client) => {
          await client.query('delete from process_instance where id = $1', [id]);
        });
        known.delete(id);
        deleted.add(id);
        return;
      }
      await (instance.running && dice < 0.7 ? save(id, instance) : edit(id, instance));
    },
  };
}

async function completeTask(client: PoolClient, id: number, name: string, data: object): Promise<void> {
  await client.query('insert into json_data (hash, data) values ($1, $2)', [name, JSON.stringify(data)]);
  await client.query(
    `insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds)
     select $1, $2, 'COMPLETED', $1, coalesce(max(end_in_seconds), 0) + 1 from task where process_instance_id = $2`,
    [name, id],
  );
}
