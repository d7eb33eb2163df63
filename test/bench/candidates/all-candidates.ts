import { bullmq } from './bullmq.js';
import type { Candidate } from './candidate.js';
import { library } from './library.js';
import { promiseAll } from './promise-all.js';
import { reference } from './reference.js';
import { singleStatement } from './single-statement.js';
import { twoProcesses } from './two-processes.js';

export const allCandidates: readonly Candidate[] = [
  reference,
  promiseAll,
  bullmq,
  singleStatement,
  library('batch 100', { batchSize: 100 }),
  library('batch 500', { batchSize: 500 }),
  library('batch 500, read the other way', { batchSize: 500, readsOtherwise: true }),
  library('batch 2,000', { batchSize: 2000 }),
  library('adaptive batches', { batchSize: {} }),
  library('2 shards, batch 500', { batchSize: 500, shards: 2 }),
  library('2 shards, batch 2,000', { batchSize: 2000, shards: 2 }),
  twoProcesses('2 shards on 2 processes, batch 500', 500),
  library('rerun, batch 100', { batchSize: 100, isRerun: true }),
  library('rerun, batch 2,000', { batchSize: 2000, isRerun: true }),
  library('rerun, 2 shards, batch 2,000', { batchSize: 2000, shards: 2, isRerun: true }),
];
