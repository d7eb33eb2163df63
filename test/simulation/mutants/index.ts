import { announcements } from './announcements.js';
import { answers } from './answers.js';
import { batchSizes } from './batch-sizes.js';
import { busyInstances } from './busy-instances.js';
import { columns } from './columns.js';
import { commits } from './commits.js';
import { dryRuns } from './dry-runs.js';
import { failures } from './failures.js';
import { holds } from './holds.js';
import { jobs } from './jobs.js';
import { keys } from './keys.js';
import { lists } from './lists.js';
import { losses } from './losses.js';
import type { Mutant } from './mutant.js';
import { ownerRecords } from './owner-records.js';
import { refusals } from './refusals.js';
import { requesters } from './requesters.js';
import { retries } from './retries.js';
import { sweeps } from './sweeps.js';
import { times } from './times.js';
import { verified } from './verified.js';
import { versions } from './versions.js';
import { walks } from './walks.js';
import { writes } from './writes.js';

/** One that survives shows something that the simulation does not check. */
export const mutants: readonly Mutant[] = [
  ...commits,
  ...writes,
  ...keys,
  ...ownerRecords,
  ...refusals,
  ...failures,
  ...retries,
  ...dryRuns,
  ...verified,
  ...columns,
  ...batchSizes,
  ...jobs,
  ...sweeps,
  ...walks,
  ...times,
  ...requesters,
  ...busyInstances,
  ...holds,
  ...versions,
  ...lists,
  ...answers,
  ...losses,
  ...announcements,
];
