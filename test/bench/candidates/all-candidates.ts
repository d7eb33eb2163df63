import type { Scenario } from '../scenario.js';
import { bullmq } from './bullmq.js';
import type { Candidate } from './candidate.js';
import { library } from './library.js';
import { libraryWithMembers } from './library-with-members.js';
import { promiseAll } from './promise-all.js';
import { reference } from './reference.js';
import { singleStatement } from './single-statement.js';
import { singleUpdate } from './single-update.js';
import { twoProcesses } from './two-processes.js';

export function candidatesFor({ metadata = 'rows' }: Scenario): readonly Candidate[] {
  return metadata === 'rows' ? FOR_ROWS : FOR_MEMBERS;
}

const FOR_ROWS: readonly Candidate[] = [
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
  library('rerun, batch 100', { batchSize: 100, again: 'rerun' }),
  library('rerun, batch 2,000', { batchSize: 2000, again: 'rerun' }),
  library('rerun, 2 shards, batch 2,000', { batchSize: 2000, shards: 2, again: 'rerun' }),
  library('verification, batch 100', { batchSize: 100, again: 'verify' }),
  library('verification, batch 2,000', { batchSize: 2000, again: 'verify' }),
];

const FOR_MEMBERS: readonly Candidate[] = [
  singleUpdate,
  libraryWithMembers('batch 100', { batchSize: 100 }),
  libraryWithMembers('batch 500', { batchSize: 500 }),
  libraryWithMembers('batch 2,000', { batchSize: 2000 }),
  libraryWithMembers('batch 100, running ones known', { batchSize: 100, knowsRunning: true }),
  libraryWithMembers('batch 2,000, running ones known', { batchSize: 2000, knowsRunning: true }),
];
