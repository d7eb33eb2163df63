import type {
  CommitResult,
  Cursor,
  InstanceId,
  InstanceRange,
  InstanceWrites,
  RepositoryCommit,
  RunRecord,
  WriteOutcome,
} from '../../ports/repository.js';
import { commitProblem, outcomeProblem } from '../calls/check-answers.js';
import { classifyError } from '../calls/classify-error.js';
import { isTimeOut } from '../calls/is-time-out.js';
import { countRefusals, ENDLESS_CONFLICT, MOST_CONFLICTS, STALE_READ } from '../calls/open-run.js';
import { noteSentValues } from '../calls/sent-values.js';
import type { RunContext } from '../context/run-context.js';
import { isHeld } from '../record/holds.js';
import { behindAfter, MOST_LEFT_BEHIND } from '../record/left-behind.js';
import { newRevision } from '../record/new-ids.js';
import { shardRecord, shardRecordId } from '../record/run-record.js';
import type { InstanceFailure } from '../record/tally.js';
import { countOutcomes } from './count-outcomes.js';
import { listOutcomes, type OutcomeLists } from './list-outcomes.js';
import { batchSizeOf, type PlannedEntry } from './plan-instance.js';
import type { ShardSession } from './shard-session.js';
import { isWritten, tryOutOnce } from './try-out.js';

/** A batch and the checkpoint behind it. */
export interface ShardCommit {
  readonly entries: readonly PlannedEntry[];
  readonly after: Cursor | null;
  /** Whether it ends the shard. With `exhausted`, only if no instance is left there. */
  readonly finishes?: boolean;
  readonly exhausted?: InstanceRange;
  /** Which errors are tried again. @default transient ones, and those of unknown kind */
  readonly retries?: Retries | undefined;
  /** The instance whose values must be written. Otherwise nothing is committed. @default none must be */
  readonly witness?: InstanceId | undefined;
}

export type Retries = 'transient' | 'none';

export type ShardCommitResult =
  | { readonly status: 'committed'; readonly failures: readonly InstanceFailure[] }
  /** Not committed: the stored checkpoint is elsewhere by now, or the job has ended. */
  | { readonly status: 'outdated' }
  | { readonly status: 'not-exhausted' }
  /** Not committed: more instances would be left behind than a shard keeps. A smaller batch leaves fewer. */
  | { readonly status: 'too-busy' }
  /** Not committed: the batch took too long, a smaller one may get through. */
  | { readonly status: 'too-slow'; readonly error: unknown }
  /** Not committed, and an instance may be to blame. */
  | { readonly status: 'rejected'; readonly error: unknown };

/**
 * Commits values, outcomes and checkpoint of a batch in one transaction. When the commit is refused, or its outcome is
 * unknown, the stored run decides: the batch has landed, or it is tried again, or another job goes on.
 */
export async function commitToShard(
  context: RunContext,
  session: ShardSession,
  commit: ShardCommit,
): Promise<ShardCommitResult> {
  const { calls } = session.handle;
  const keys = session.run.header.definition.paths.map(({ key }) => key);
  const instances: InstanceWrites[] = [];
  const rereadIds = new Set<InstanceId>();
  for (const { writes, reread } of commit.entries) {
    if (writes !== null) instances.push(writes);
    if (reread !== null) rereadIds.add(reread.id);
  }
  const size = batchSizeOf(commit.entries);
  const committedBy = session.nameCommit();
  const lists = listOutcomes(context, session.run.header, session.shard, commit.entries);
  let failures: readonly InstanceFailure[] = []; // of the last attempt, whose answer may get lost
  let unclassified = 0;
  const refusals = countRefusals();

  async function attempt(): Promise<CommitResult | { readonly status: 'too-busy' | 'outdated' }> {
    const { exhausted, entries, after, finishes = false } = commit;
    const { shard: before, run } = session;
    const revision = newRevision(context.runtime);
    const revisions = lists.drawRevisions();
    let committed = before;
    let isNextCalled = false;
    let isTooBusy = false;
    let isUnproven = false;
    const next = (outcome: WriteOutcome): RunRecord[] => {
      isNextCalled = true;
      assertContract(outcomeProblem(outcome, instances));
      const counted = countOutcomes(entries, outcome, keys);
      const behind = behindAfter(before.behind, rereadIds, counted.left);
      isTooBusy = behind.length > MOST_LEFT_BEHIND;
      if (isTooBusy)
        throw new Error('Rolled back: too many instances of the batch were saved since they were read.');
      isUnproven = commit.witness !== undefined && !isWritten(commit.witness, instances, outcome);
      if (isUnproven)
        throw new Error(
          'Rolled back: the instance that must be written was saved, filled or deleted since it was read.',
        );
      failures = counted.failures;
      const lastWritten = counted.lastWritten ?? before.lastWritten;
      const checkpoint = { after, behind, ...lists.countedAt(before, counted), lastWritten, done: finishes };
      committed = session.advanced(before, counted.tally, { ...checkpoint, revision, committedBy });
      return [shardRecord(run.header, committed), ...lists.recordsAt(before, counted, revisions)];
    };
    let result: CommitResult;
    try {
      result = await context.repository.commit({
        processModelId: run.header.processModelId,
        expected: expectedOf(session, lists),
        ...(exhausted === undefined ? {} : { exhausted }),
        instances,
        next,
      });
    } catch (error) {
      noteSentValues(error, instances);
      if (isUnproven) return { status: 'outdated' };
      if (!isTooBusy) throw error;
      makeSmaller();
      return { status: 'too-busy' };
    }
    assertContract(
      commitProblem(result, { exhausted, isNextCalled: isNextCalled && !isTooBusy && !isUnproven }),
    );
    if (result.status === 'committed') session.adoptShard(committed, size);
    return result;
  }

  function makeSmaller(): void {
    if (size > 0) session.batchSizeLimit.lower(Math.ceil(size / 2));
  }

  function assertContract(problem: string | null): void {
    if (problem !== null) throw calls.contractError(`commit: ${problem}`);
  }

  /**
   * Somebody else committed, or nobody knows who did: the stored run shows it, and whether this job goes on. `null`: the same
   * batch may be tried again, under the revision that is stored now.
   */
  async function lookAround(refused?: RepositoryCommit['expected']): Promise<ShardCommitResult | null> {
    const { losses } = session;
    const isSame = session.adopt(await session.handle.load());
    if (session.losses > Math.max(losses, MOST_LOSSES)) throw calls.contractError(LOST_COMMITS);
    // The cursor alone does not tell: a commit of instances that were left behind does not move it.
    if (session.shard.committedBy === committedBy) {
      session.adoptShard(session.shard, size);
      return { status: 'committed', failures };
    }
    if (!isSame) return { status: 'outdated' };
    if (refused !== undefined && refusals.areForGood(refused)) throw calls.contractError(STALE_READ);
    return null;
  }

  /**
   * `rejected`: no more tries, because an instance may be to blame. After a transient error only once its tries are spent, and
   * only if the database takes a commit without instances.
   */
  async function suspicion(error: unknown, failedTries: number): Promise<ShardCommitResult | null> {
    const rejected = { status: 'rejected', error } as const;
    const kind = classifyError(context.repository, error);
    if (instances.length === 0 || kind === 'systemic') return null;
    if (kind === 'instance' || kind === 'doubtful' || commit.retries === 'none') return rejected;
    if (kind === 'transient') {
      if (calls.mayTryAgain(failedTries)) return null;
      const { is } = await tryOutOnce(context, session, []);
      if (is === 'outdated') return { status: 'outdated' };
      return is === 'refused' ? null : rejected;
    }
    unclassified += 1;
    const isSpent = commit.retries === 'transient' || kind === 'suspect' || !calls.mayTryAgain(unclassified);
    return isSpent || (commit.entries.length > 1 && unclassified > 1) ? rejected : null;
  }

  return calls.call<ShardCommitResult>(
    'repository.commit',
    async () => {
      for (let conflicts = 1; conflicts <= MOST_CONFLICTS; conflicts += 1) {
        if (isHeld(session.shard, context.runtime.now())) return { status: 'outdated' }; // by another job
        const expected = expectedOf(session, lists);
        const result = await attempt();
        if (result.status === 'committed') return { ...result, failures };
        if (result.status !== 'conflict') return result;
        const found = await lookAround(expected);
        if (found !== null) return found;
      }
      throw calls.contractError(ENDLESS_CONFLICT);
    },
    {
      async onError(error, failedTries) {
        const isTooSlow = commit.entries.length > 1 && isTimeOut(error);
        if (isTooSlow) makeSmaller(); // even if another job goes on
        const found = await lookAround();
        if (found !== null) return found;
        if (isTooSlow) return { status: 'too-slow', error };
        return suspicion(error, failedTries);
      },
    },
  );
}

/** The shard, and the records that are to be stored with it. */
function expectedOf(
  { job: { runId }, shard }: ShardSession,
  lists: OutcomeLists,
): RepositoryCommit['expected'] {
  return [{ id: shardRecordId(runId, shard.index), revision: shard.revision }, ...lists.expectedAt(shard)];
}

/** A database may lose its last commits in a crash. One that loses the same ones again and again does not store them. */
const MOST_LOSSES = 5;

const LOST_COMMITS =
  "loadRun keeps returning a shard with fewer commits than the repository has answered 'committed' for. commit must store what next returns, and loadRun must read from where commits go, not from a replica.";
