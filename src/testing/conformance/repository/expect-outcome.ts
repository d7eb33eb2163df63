import { expectEqual, sorted } from '../expectations.js';
import type { Committed } from './tested-repository.js';

/** Ends the case with an error unless the commit was committed and reported exactly these exceptions, in any order. */
export function expectOutcome(
  committed: Committed | undefined,
  expected: {
    readonly gone?: readonly unknown[];
    readonly kept: readonly unknown[];
    readonly moved?: readonly unknown[];
  },
): void {
  expectEqual('the status of the commit', committed?.result.status, 'committed');
  expectEqual('`gone`', sorted(committed?.outcome?.gone ?? []), expected.gone ?? []);
  expectEqual('`moved`', sorted(committed?.outcome?.moved ?? []), expected.moved ?? []);
  const kept = (committed?.outcome?.kept ?? []).map(({ id, key }) => ({ id, key }));
  expectEqual('`kept`', sorted(kept), sorted(expected.kept));
}
