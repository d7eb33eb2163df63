import { PortError } from '../../errors.js';
import type { RunChange } from '../changes/run-change.js';
import type { RunContext } from '../context/run-context.js';
import { newRevision } from '../record/new-ids.js';
import {
  noOwners,
  type OwnedKey,
  type OwnerRecord,
  ownersFrom,
  ownersRecord,
  ownersRecordId,
  ownersRunId,
} from '../record/owner-record.js';
import type { Run } from '../record/run-record.js';
import { commitAnnounced, lookForUnknown } from './announce-changes.js';
import { countRefusals, ENDLESS_CONFLICT, MOST_CONFLICTS, refusedForGood } from './open-run.js';
import {
  changeOf,
  commitRecords,
  creationOf,
  loadRecords,
  type RecordChange,
  type RecordOptions,
} from './run-records.js';

/** What one commit does to the keys of a model and to its runs. */
export interface ModelChange {
  /** What the owner record has then. It gets a new revision even if nothing of it changes. */
  readonly keys: readonly OwnedKey[];
  readonly trials: readonly string[];
  readonly created: Run | null;
  readonly changed: readonly { readonly run: Run; readonly change: RunChange }[];
  /**
   * Runs that have ended or dropped a key, on which the decision relies. The commit gives each a new revision. So a database
   * that has lost such an end refuses the commit.
   */
  readonly namedToo: readonly Run[];
}

export interface ChangedModel<Decision> {
  /** What was decided last. */
  readonly decision: Decision;
  /** The changed runs as they are stored now. */
  readonly changed: readonly Run[];
}

export interface ModelOptions<Decision> extends RecordOptions {
  /**
   * Called after an error whose outcome is unknown. Returns the decision if a try of this call has stored it. No try follows
   * then.
   */
  findStored?(): Promise<Decision | null>;
}

/**
 * Loads the owner record of a model, lets `decide` load runs and say what to change, and stores all of that by one
 * compare-and-set. The order matters: a run that becomes active after the record was loaded changes the record. Decides again
 * when somebody was faster or the outcome is unknown, until the change is stored or there is nothing to change.
 */
export function changeModel<Decision extends { readonly change: ModelChange | null }>(
  context: RunContext,
  processModelId: string,
  { calls, transaction, findStored }: ModelOptions<Decision>,
  decide: (owners: OwnerRecord, failedTries: number) => Promise<Decision>,
): Promise<ChangedModel<Decision>> {
  async function loadOwners(): Promise<OwnerRecord> {
    const runId = ownersRunId(processModelId);
    const [record] = await loadRecords(context, runId, { calls, transaction });
    return record === undefined ? noOwners(processModelId) : ownersFrom(record);
  }

  const tried = new Set<string>();
  return calls.call(
    'repository.commit',
    async (failedTries) => {
      const refusals = countRefusals();
      for (let conflicts = 1; conflicts <= MOST_CONFLICTS; conflicts += 1) {
        const owners = await loadOwners();
        const decision = await decide(owners, failedTries);
        const { change } = decision;
        if (change === null) {
          await lookForUnknown(context, tried, { calls });
          return { decision, changed: [] };
        }
        const runs = change.changed.map(({ run, change: one }) => changeOf(run, one, context));
        const { expected, records } = joined([
          ownersChange({ ...owners, keys: change.keys, trials: change.trials }),
          ...runs,
          ...change.namedToo.map((run) => changeOf(run, { header: run.header }, context)),
          ...(change.created === null ? [] : [creationOf(change.created)]),
        ]);
        const changes = change.changed.map(({ run: before }, index) => ({
          before,
          after: runs[index]?.next ?? before,
        }));
        for (const { run } of change.changed) tried.add(run.header.runId);
        const isStored = await commitAnnounced(context, changes, {
          isWithinHost: transaction !== undefined,
          commit: () => commitRecords(context, processModelId, { expected, records }, { calls, transaction }),
        });
        if (isStored) return { decision, changed: runs.map(({ next }) => next) };
        if (refusals.areForGood(expected)) throw refusedForGoodBy(change);
      }
      throw calls.contractError(ENDLESS_CONFLICT);
    },
    // After an error the host's transaction may be broken, and only the host can begin it again.
    transaction === undefined ? { onError: findLanded } : { isOnlyTry: true },
  );

  async function findLanded(): Promise<ChangedModel<Decision> | null> {
    const decision = (await findStored?.()) ?? null;
    await lookForUnknown(context, tried, { calls: decision === null ? null : calls });
    return decision === null ? null : { decision, changed: [] };
  }

  function ownersChange(owners: OwnerRecord): RecordChange {
    const expected = [{ id: ownersRecordId(processModelId), revision: owners.revision }];
    return { expected, records: [ownersRecord(owners, newRevision(context.runtime))] };
  }

  /** Refused for the very revisions that were loaded just before. */
  function refusedForGoodBy({ created, changed }: ModelChange): Error {
    if (transaction !== undefined) return oldSnapshot();
    const [first] = changed;
    if (created !== null || first === undefined) {
      const { activeKey } = created?.header ?? {};
      return calls.contractError(
        `commit refuses a new run, although loadRun returns the revisions that it expects and findRuns shows no run with its activeKey ${activeKey}. Both must read from where commits go, not from a replica.`,
      );
    }
    return refusedForGood(first.run, changeOf(first.run, first.change, context).next, calls);
  }

  function oldSnapshot(): PortError {
    const message = `The request for ${JSON.stringify(processModelId)} was refused: the records that the transaction sees have been changed by somebody else. Begin the transaction again, at READ COMMITTED, with the request as its last statement.`;
    return new PortError(message, {
      runId: null,
      progress: { visited: 0, total: 0 },
      retryable: true,
      cause: null,
    });
  }
}

function joined(changes: readonly RecordChange[]): RecordChange {
  return {
    expected: changes.flatMap(({ expected }) => expected),
    records: changes.flatMap(({ records }) => records),
  };
}
