import { expect } from 'vitest';
import { type BackfillReport, type RunStatus, runBackfill } from '../../../src/index.js';
import { MODEL } from '../../support/instances.js';
import { dueOutcome } from './due-outcome.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './fault-host.js';

/** What a run leaves behind: what it says of itself, and what there is. */
export interface Outcome {
  readonly counts: Pick<RunStatus, 'total' | 'processed' | 'updated' | 'failed' | 'gone' | 'keys'>;
  readonly metadata: readonly { readonly id: number; readonly key: string; readonly value: string }[];
}

/** That a run over `createInstances` ended as PostgreSQL itself says it must, each value written exactly once. */
export async function expectTrueOutcome(host: FaultHost, status: RunStatus | BackfillReport): Promise<void> {
  expect(status.state).toBe('completed_with_failures');
  expect(status.processed + status.failed + status.gone).toBe(status.total);
  const { instances, keys, wrongRows } = await dueOutcome(host);
  expect(status).toMatchObject(instances);
  expect(status.keys).toEqual(keys);
  expect(wrongRows).toEqual([]);
  const written = Object.values(status.keys).reduce((sum, counts) => sum + counts.written, 0);
  expect(await host.query(WRITES)).toEqual([{ writes: written, rows: written, inserts: written }]);
}

export async function outcomeOf(host: FaultHost, status: RunStatus): Promise<Outcome> {
  const { total, processed, updated, failed, gone, keys } = status;
  const metadata = await host.query<Outcome['metadata'][number]>(
    'select process_instance_id as id, key, value from process_instance_metadata order by 1, 2',
  );
  return { counts: { total, processed, updated, failed, gone, keys }, metadata };
}

/** The same data, and nothing happens. */
export async function uninterruptedOutcome(count: number, url?: string): Promise<Outcome> {
  const host = await openFaultHost(url);
  try {
    await createInstances(host, count);
    const report = await runBackfill({ repository: host.repository, processModelId: MODEL, paths: PATHS });
    return await outcomeOf(host, { ...report, state: 'completed' } as RunStatus & typeof report);
  } finally {
    await host.close();
  }
}

const WRITES = `
  select count(*)::int as writes, count(distinct (process_instance_id, key))::int as rows,
    count(*) filter (where operation = 'INSERT')::int as inserts from written_row`;
