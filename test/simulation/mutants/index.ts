import { batchSizes } from './batch-sizes.js';
import { busyInstances } from './busy-instances.js';
import { commits } from './commits.js';
import { holds } from './holds.js';
import { jobs } from './jobs.js';
import { keys } from './keys.js';
import { losses } from './losses.js';
import type { Mutant } from './mutant.js';
import { refusals } from './refusals.js';
import { sweeps } from './sweeps.js';
import { versions } from './versions.js';
import { walks } from './walks.js';
import { writes } from './writes.js';

/** One that survives shows something that the simulation does not check. */
export const mutants: readonly Mutant[] = [
  ...commits,
  ...writes,
  ...keys,
  ...refusals,
  ...batchSizes,
  ...jobs,
  ...sweeps,
  ...walks,
  ...busyInstances,
  ...holds,
  ...versions,
  ...losses,
];
