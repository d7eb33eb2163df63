import type { Mutant } from './mutant.js';

/** Batches that stay as large as the one that was too slow. */
export const batchSizes: readonly Mutant[] = [
  {
    name: 'time-outs: the next batch is as large as the one that was too slow',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'if (isTooSlow) makeSmaller();',
        replace: '',
      },
    ],
  },
  {
    name: 'time-outs: later jobs do not know the size that was learnt',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'createBatchSizeLimit(loaded.shards[job.shard]?.batchSizeLimit ?? null)',
        replace: 'createBatchSizeLimit(null)',
      },
    ],
  },
  {
    name: 'time-outs: a page that was too slow is read again in the same size',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/read-page.ts',
        find: 'query = { ...query, limit: Math.ceil(query.limit / 4) };',
        replace: '',
      },
    ],
  },
];
