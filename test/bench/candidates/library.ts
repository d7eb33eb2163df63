import { type AdaptiveBatchSize, runBackfill, verifyBackfill } from 'process-metadata-backfill';
import { createRepository } from '../../../examples/2-embedded-postgres/repository.js';
import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';

interface Settings {
  readonly batchSize: number | AdaptiveBatchSize;
  readonly shards?: number;
  /** What finds the instances filled: another run of the same kind, or a verification. @default they are empty */
  readonly again?: 'rerun' | 'verify';
  /** As the repository would do for the other type: whole documents of jsonb, only the values of json. */
  readonly readsOtherwise?: boolean;
}

/** The library over the repository of example 2, with all its guards, counts and checkpoints. */
export function library(name: string, settings: Settings): Candidate {
  const { batchSize, shards = 1, again, readsOtherwise = false } = settings;
  return {
    name,
    most: Number.POSITIVE_INFINITY,
    isAside: again !== undefined || readsOtherwise,
    async open({ database }, scenario) {
      const isProjected = (scenario.type === 'jsonb') !== readsOtherwise;
      const repository = createRepository(database, isProjected ? 'jsonb' : 'json');
      const options = { repository, processModelId: MODEL, paths: pathsOf(scenario), shards, batchSize };
      async function fill(limit: number): Promise<void> {
        const { state } = await runBackfill({ ...options, limit });
        if (state !== 'completed') throw new Error(`the run is ${state}`);
      }
      async function verify(limit: number): Promise<void> {
        const { state, differences } = await verifyBackfill({ ...options, limit });
        if (state !== 'completed') throw new Error(`the verification is ${state}`);
        const found = Object.values(differences).flatMap((counts) => Object.values(counts));
        if (found.some((count) => count > 0)) throw new Error('the verification finds differences');
      }
      return { run: again === 'verify' ? verify : fill, ...(again === undefined ? {} : { fill }) };
    },
  };
}
