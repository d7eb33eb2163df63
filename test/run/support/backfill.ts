import {
  type BackfillReport,
  type BackfillRepository,
  type RunRecord,
  runBackfill,
} from '../../../src/index.js';
import { MODEL, PATHS } from '../../support/instances.js';
import type { Around } from '../../support/intercept.js';
import { testRuntime } from '../../support/test-runtime.js';

export interface CommitArgument {
  readonly instances: readonly { readonly id: number; readonly values: readonly unknown[] }[];
}

export const backfill = (repository: BackfillRepository, rest: object = {}): Promise<BackfillReport> =>
  runBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

/** Does something at the commits of batches, counted from 1. */
export function atBatch(act: (call: Parameters<Around>[0], batch: number) => Promise<unknown>): Around {
  let batches = 0;
  return (call) => {
    const isBatch = call.method === 'commit' && (call.argument as CommitArgument).instances.length > 0;
    if (!isBatch) return call.proceed();
    batches += 1;
    return act(call, batches);
  };
}

export const storedRuns = (repository: BackfillRepository): Promise<readonly RunRecord[]> =>
  repository.findRuns({ processModelId: null, activeKey: null, active: null, before: null, limit: 10 });
