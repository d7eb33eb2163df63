import { type BackfillRepository, previewBackfill } from '../../../src/index.js';
import { createMemoryRepository, type MemoryInstance } from '../../../src/memory/index.js';
import { MODEL, PATHS } from '../../support/instances.js';
import { testRuntime } from '../../support/test-runtime.js';

/** A preview of the invoices' path, unless `rest` says otherwise. */
export const preview = (repository: BackfillRepository<never>, rest: object = {}) =>
  previewBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

export const memory = (instances: readonly MemoryInstance[]) => createMemoryRepository({ instances });
