import type { BackfillRequest } from '../../../src/index.js';
import type { DefinitionOptions } from '../../../src/run/options/definition-options.js';
import type { PlannedRequest } from './draw-world.js';
import type { HostTransaction } from './stored-records.js';

/**
 * What a host may request:
 * - `update`: a model update adds two paths.
 * - `by-hand`: the same paths, without a model update.
 * - `changed`: a model update changes the path of one of the two keys, and asks for its values.
 * - `changed-quietly`: the same update does not ask for them. An unfinished run may still owe them.
 * - `removed`, `restored`: a model update removes one of the keys, or adds it again. `purged`: with its values.
 * - `clearing`: an overwrite from a path that often finds nothing, which clears what is stored then.
 * - `verification`, `verification-of-one`: a dry run that compares the values of both keys, or of one of them.
 * - `disjoint`: another key.
 * - `trial`, `chosen`: only some instances, by `limit` or by `instanceIds`. `other-trial`: one of them from another path.
 */
export type RequestKind = UpdateKind | ManualKind;
type UpdateKind = 'update' | 'changed' | 'changed-quietly' | 'removed' | 'purged' | 'restored';
type ManualKind =
  | 'by-hand'
  | 'clearing'
  | 'verification'
  | 'verification-of-one'
  | 'disjoint'
  | 'trial'
  | 'other-trial'
  | 'chosen';

export const MODEL = 'sales/invoice';
export const OTHER_MODEL = 'sales/offer';

/** The keys that an engine with the new paths saves itself, and their paths. */
export const LIVE_PATHS: readonly { readonly key: string; readonly path: string }[] = [
  { key: 'a', path: 'a' },
  { key: 'b', path: 'n.b' },
  { key: 'c', path: 'c' },
];
const PATHS = LIVE_PATHS.slice(0, 2);

export function requestFor({ kind, ...plan }: RequestPlan): BackfillRequest<HostTransaction> {
  const processModelId = MODEL;
  switch (kind) {
    case 'update':
      return { processModelId, before: [], after: PATHS };
    case 'changed':
    case 'changed-quietly': {
      const after = [{ key: 'a', path: 'n.a' }, ...PATHS.slice(1)];
      return { processModelId, before: PATHS, after, includeChanged: kind === 'changed' };
    }
    case 'removed':
    case 'purged': {
      const removed = kind === 'purged' ? 'purge' : 'keep';
      return { processModelId, before: PATHS, after: PATHS.slice(1), removed };
    }
    case 'restored':
      return { processModelId, before: PATHS.slice(1), after: PATHS };
    default:
      return definitionFor({ kind, ...plan });
  }
}

type RequestPlan<Kind = RequestKind> = Pick<PlannedRequest, 'mode' | 'clearsBy'> & {
  readonly kind: Kind;
  readonly maxListedDifferences?: number | null;
};

/** What is requested without a model update. */
export function definitionFor({
  kind,
  mode,
  clearsBy,
  maxListedDifferences,
}: RequestPlan<ManualKind>): DefinitionOptions {
  const processModelId = MODEL;
  switch (kind) {
    case 'by-hand':
      return { processModelId, paths: PATHS, mode };
    case 'clearing': {
      const paths = [{ key: 'a', path: 'd.a' }, ...PATHS.slice(1)];
      const missing = clearsBy === 'delete' ? 'omit' : undefined;
      return { processModelId, paths, mode: 'overwrite', clear: true, missing };
    }
    case 'verification':
    case 'verification-of-one': {
      const paths = kind === 'verification' ? PATHS : PATHS.slice(0, 1);
      const missing = clearsBy === 'delete' ? 'omit' : undefined;
      return {
        ...{ processModelId, paths, mode: 'overwrite', clear: true, dryRun: true, missing },
        maxListedDifferences: maxListedDifferences ?? undefined,
      };
    }
    case 'disjoint':
      return { processModelId, paths: LIVE_PATHS.slice(2), mode };
    case 'trial':
      return { processModelId, paths: PATHS, mode, limit: 5 };
    case 'other-trial':
      return { processModelId, paths: [{ key: 'a', path: 'n.a' }], mode, limit: 4 };
    case 'chosen':
      return { processModelId, paths: PATHS, mode, instanceIds: [1, 2, 4, 7] };
  }
}
