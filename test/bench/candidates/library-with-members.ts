import { runBackfill } from 'process-metadata-backfill';
import { createPostgresRepository } from 'process-metadata-backfill/postgres';
import { oneTable } from '../../postgres/hosts/one-table.js';
import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';

interface Settings {
  readonly batchSize: number;
  /** Whether the configuration says which instances are still running, one in twenty. Only their versions are compared. */
  readonly knowsRunning?: boolean;
}

/** The library over one table, with metadata as members of a jsonb column. */
export function libraryWithMembers(name: string, { batchSize, knowsRunning = false }: Settings): Candidate {
  return {
    name,
    most: Number.POSITIVE_INFINITY,
    isAside: knowsRunning,
    async open({ database }, scenario) {
      const repository = knowsRunning
        ? createPostgresRepository({
            database,
            instances: {
              table: 'instances',
              id: { type: 'uuid' },
              createdAt: 'created_at',
              model: 'model',
              running: 'extract(epoch from i.created_at)::bigint % 20 = 1',
            },
            taskData: { column: 'context', type: 'jsonb' },
            metadata: { column: 'metadata', update: { updated_at: 'now()' } },
          })
        : oneTable.createRepository(database);
      const definition = { processModelId: MODEL, paths: pathsOf(scenario) };
      return {
        async run(limit) {
          const report = await runBackfill({ repository, ...definition, limit, batchSize });
          if (report.state !== 'completed') throw new Error(`the run is ${report.state}`);
        },
      };
    },
  };
}
