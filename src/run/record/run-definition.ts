import { createHash } from 'node:crypto';
import type { Runtime } from '../../ports/runtime.js';
import { START_AFTER } from './holds.js';
import { newRevision, newRunId } from './new-ids.js';
import { newPace } from './pace.js';
import {
  type KeyClaim,
  NOBODY,
  type Requester,
  type Run,
  type RunDefinition,
  type RunShard,
} from './run-record.js';
import { emptyTally } from './tally.js';

/** The records of a run before its first job. */
export function newRun(
  processModelId: string,
  definition: RunDefinition,
  options: {
    readonly runtime: Runtime;
    readonly hasQueue: boolean;
    /** @default a new one */
    readonly runId?: string;
    /** @default the run id, so that no request joins the run */
    readonly activeKey?: string;
    readonly startAfter?: Date | undefined;
    /** @default of a model whose keys nobody has requested */
    readonly claims?: readonly KeyClaim[];
    /** @default nobody is named */
    readonly requester?: Requester;
  },
): Run {
  const { runtime, startAfter, requester = NOBODY } = options;
  const now = runtime.now();
  const runId = options.runId ?? newRunId(runtime);
  return {
    header: {
      runId,
      processModelId,
      revision: newRevision(runtime),
      changes: 0,
      activeKey: options.activeKey ?? runId,
      definition,
      state: 'pending',
      walk: 1,
      total: null,
      upTo: null,
      createdAt: now,
      startedAt: null,
      endedAt: null,
      lastError: null,
      claims: options.claims ?? definition.paths.map(() => ({ generation: 0, formerPaths: [] })),
      droppedKeys: [],
      mark: null,
      markedAt: null,
      settled: null,
      unproven: [],
      forgivenFailures: 0,
      walkAgain: false,
      hasQueue: options.hasQueue,
      ...requester,
      lastControl: null,
      counts: null,
      stateRevisions: [],
    },
    shards: [
      {
        ...newShard(0, definition.paths.length, now),
        revision: newRevision(runtime),
        heldUntil: startAfter?.getTime() ?? null,
        heldFor: startAfter === undefined ? null : START_AFTER,
      },
    ],
  };
}

/**
 * Whether a run covers only some instances. It takes no key from another run (claim-keys), is one shard (freeze-run), waits for
 * no transaction (wait-until-settled) and walks once (freeze-walk). The owner record lists it as long as it may go on, unless it is a dry run (claim-run).
 */
export function isTrial({ limit, instanceIds }: RunDefinition): boolean {
  return limit !== null || instanceIds !== null;
}

/** Whether a run owns its keys: the owner record names it, and runs that read them from another path drop them. */
export function ownsKeys(definition: RunDefinition): boolean {
  return !isTrial(definition) && !definition.dryRun;
}

/** Whether the owner record lists the run although it owns no key: it writes, and may be resumed. */
export function isNamedTrial(definition: RunDefinition): boolean {
  return isTrial(definition) && !definition.dryRun;
}

/** Whether a run only writes where there is no value. Then another walk skips filled instances. A dry run fills nothing. */
export function isFill({ paths, dryRun }: RunDefinition): boolean {
  return !dryRun && paths.every(({ mode }) => mode === 'fill');
}

/** A shard that is not stored yet. */
export function newShard(index: number, keyCount: number, now: number): RunShard {
  return {
    index,
    revision: '',
    changes: 0,
    commits: 0,
    done: false,
    after: null,
    upTo: null,
    behind: [],
    tally: emptyTally(keyCount),
    failureRecords: 0,
    failuresFrom: 0,
    differenceRecords: 0,
    differencesFrom: 0,
    unlistedDifferences: 0,
    lastWritten: null,
    allottedStep: 0,
    committedStep: -1,
    committedBy: null,
    progressAt: now,
    pace: newPace(0, now),
    ratePerSecond: null,
    batchMs: null,
    batchSizeLimit: null,
    sweeps: 0,
    sweptAt: null,
    started: -1,
    vain: 0,
    heldUntil: null,
    heldFor: null,
    handedBack: -1,
  };
}

/** Equal for two definitions that ask for the same work, in whatever order they name their paths. */
export function fingerprint(processModelId: string, definition: RunDefinition): string {
  const { missing, clear, limit, instanceIds, dryRun, differences, maxListedDifferences } = definition;
  const paths = definition.paths
    .map(({ key, segments, mode }) => JSON.stringify([key, segments, mode]))
    .sort();
  const ids = instanceIds?.map((id) => JSON.stringify(id)).sort() ?? null;
  const asked = [processModelId, paths, missing, clear, limit, ids];
  const text = JSON.stringify(dryRun ? [...asked, 'dryRun', differences, maxListedDifferences] : asked);
  return createHash('sha256').update(text).digest('base64url');
}
