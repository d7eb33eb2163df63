import { type AdaptiveBatchSize, runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository } from '../../../examples/2-embedded-postgres/postgres-repository.js';
import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';

interface Settings {
  readonly batchSize: number | AdaptiveBatchSize;
  readonly shards?: number;
  readonly isRerun?: boolean;
  /** As the repository would do for the other type: whole documents of jsonb, only the values of json. */
  readonly readsOtherwise?: boolean;
}

/** The library over the repository of example 2, with all its guards, counts and checkpoints. */
export function library(name: string, settings: Settings): Candidate {
  const { batchSize, shards = 1, isRerun = false, readsOtherwise = false } = settings;
  return {
    name,
    most: Number.POSITIVE_INFINITY,
    isRerun,
    isAside: isRerun || readsOtherwise,
    async open({ sql }, scenario) {
      const isProjected = (scenario.type === 'jsonb') !== readsOtherwise;
      const repository = createPostgresRepository(sql, { taskData: isProjected ? 'jsonb' : 'json' });
      const definition = { processModelId: MODEL, paths: pathsOf(scenario), shards };
      return {
        async run(limit) {
          const report = await runBackfill({ repository, ...definition, limit, batchSize });
          if (report.state !== 'completed') throw new Error(`the run is ${report.state}`);
        },
      };
    },
  };
}
