import type { BackfillRepository } from '../../../src/index.js';

/**
 * The same repository, for which no transaction is open that may insert instances. Those of other tests on the same server would
 * make a run walk once more.
 */
export function asIfAlone<Repository extends Pick<BackfillRepository, 'settled'>>(
  repository: Repository,
): Repository {
  return { ...repository, settled: async () => ({ mark: '', settled: true }) };
}
