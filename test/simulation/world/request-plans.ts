import type { BackfillRequest } from '../../../src/index.js';
import type { BackfillMode } from '../../../src/ports/repository.js';
import type { HostTransaction } from './stored-records.js';

/**
 * What a host may request:
 * - `update`: a model update adds two paths.
 * - `by-hand`: the same paths, without a model update.
 * - `changed`: a model update changes the path of one of the two keys.
 * - `disjoint`: another key.
 * - `trial`, `chosen`: only some instances, by `limit` or by `instanceIds`.
 */
export type RequestKind = 'update' | 'by-hand' | 'changed' | 'disjoint' | 'trial' | 'chosen';

export const MODEL = 'sales/invoice';
export const OTHER_MODEL = 'sales/offer';

/** The keys that an engine with the new paths saves itself, and their paths. */
export const LIVE_PATHS: readonly { readonly key: string; readonly path: string }[] = [
  { key: 'a', path: 'a' },
  { key: 'b', path: 'n.b' },
  { key: 'c', path: 'c' },
];
const PATHS = LIVE_PATHS.slice(0, 2);

export function requestFor(kind: RequestKind, mode: BackfillMode): BackfillRequest<HostTransaction> {
  const processModelId = MODEL;
  switch (kind) {
    case 'update':
      return { processModelId, before: [], after: PATHS };
    case 'changed': {
      const after = [{ key: 'a', path: 'n.a' }, ...PATHS.slice(1)];
      return { processModelId, before: PATHS, after, includeChanged: true };
    }
    case 'by-hand':
      return { processModelId, paths: PATHS, mode };
    case 'disjoint':
      return { processModelId, paths: LIVE_PATHS.slice(2), mode };
    case 'trial':
      return { processModelId, paths: PATHS, mode, limit: 3 };
    case 'chosen':
      return { processModelId, paths: PATHS, mode, instanceIds: [1, 2, 4, 7] };
  }
}
