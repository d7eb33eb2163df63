import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { createBackfillService } from '../../../src/index.js';
import { systemRuntime } from '../../../src/run/context/system-runtime.js';
import type { OwnedKey } from '../../../src/run/record/owner-record.js';
import { headerFrom, type RunHeader } from '../../../src/run/record/run-record.js';
import { type FaultHost, openFaultHost } from './fault-host.js';
import { createTableQueue } from './table-queue.js';

export const KEYS = ['number', 'city'] as const;
export const SOURCES = ['a', 'b', 'c'] as const;

const INSTANCES = 12;

/** A model whose instances have, for each key, as many paths as there are sources. A value names its path. */
export interface ContestedModel {
  readonly host: FaultHost;
  /** From now on, the instances belong to this model. */
  rename(processModelId: string): Promise<void>;
  /** Does the next job, a batch of a third of the instances. `false`: there is none. */
  doJob(): Promise<boolean>;
  /** Enqueues a job for each run, as if all jobs had been lost for long. */
  sweep(): Promise<void>;
  activeRuns(processModelId: string): Promise<readonly RunHeader[]>;
  /** What each commit of its owner record has made of it, in the order of the commits. */
  ownerHistory(processModelId: string): Promise<readonly (readonly OwnedKey[])[]>;
  /** The stored values of a key, in the order of the instances. */
  column(key: string): Promise<readonly string[]>;
}

export async function openContestedModel(): Promise<ContestedModel> {
  const host = await openFaultHost();
  await host.pool.query(await readFile(fileURLToPath(new URL('requests.sql', import.meta.url)), 'utf8'));
  await insertInstances(host);
  const queue = createTableQueue(host.database);
  // No instance is inserted, so nobody need wait for the transactions of other tests.
  const settled = async (mark: string | null) => ({ mark: mark ?? 'none', settled: true });
  const repository = { ...host.repository, settled };
  const options = { repository, queue, logger: { info() {}, warn() {}, error() {} } };
  const service = createBackfillService({ ...options, batchSize: INSTANCES / 3, sliceMs: 1 });
  const runtime = { ...systemRuntime, now: () => Date.now() + 3_600_000 };
  const sweeper = createBackfillService({ ...options, runtime });
  return {
    host,
    async rename(processModelId) {
      await host.query('update process_instance set process_model_identifier = $1', [processModelId]);
    },
    async doJob() {
      const payload = await queue.take();
      if (payload !== null) await service.handle(payload);
      return payload !== null;
    },
    async sweep() {
      await sweeper.sweep({ staleAfterMs: 1000 });
    },
    async activeRuns(processModelId) {
      const query = { processModelId, activeKey: null, active: true, before: null, limit: 100 };
      return (await repository.findRuns(query)).map(headerFrom);
    },
    async ownerHistory(processModelId) {
      const rows = await host.query<{ keys: OwnedKey[] }>(
        'select keys from owner_history where process_model_id = $1 order by number',
        [processModelId],
      );
      return rows.map(({ keys }) => keys);
    },
    async column(key) {
      const rows = await host.query<{ value: string }>(
        'select value from process_instance_metadata where key = $1 order by process_instance_id',
        [key],
      );
      return rows.map(({ value }) => value);
    },
  };
}

/** The column of a key whose values are all from one path. */
export function columnFrom(path: string): readonly string[] {
  return Array.from({ length: INSTANCES }, (_, index) => `${path} ${index + 1}`);
}

async function insertInstances({ query }: FaultHost): Promise<void> {
  const dataOf = (id: number) =>
    SOURCES.map((source) => [source, Object.fromEntries(KEYS.map((key) => [key, `${source}.${key} ${id}`]))]);
  for (let id = 1; id <= INSTANCES; id += 1) {
    await query(`insert into process_instance (process_model_identifier, status) values ('', 'complete')`);
    const data = JSON.stringify(Object.fromEntries(dataOf(id)));
    await query('insert into json_data values ($1, $2)', [`hash ${id}`, data]);
    await query(`insert into task values ($1, $2, 'COMPLETED', $3, 1)`, [`task ${id}`, id, `hash ${id}`]);
  }
}
