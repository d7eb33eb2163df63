import type { RunChange } from '../changes/run-change.js';
import type { RunContext } from '../context/run-context.js';
import type { OwnedKey } from '../record/owner-record.js';
import { isNamedTrial } from '../record/run-definition.js';
import type { Requester, Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import { changeModel, type ModelChange } from './change-model.js';
import type { RunHandle } from './open-run.js';

/** What a run becomes, and what the keys of its model become. */
export interface OwnersChange extends RunChange {
  /** @default as they are */
  readonly keys?: readonly OwnedKey[];
}

type Decide = (run: Run, ownedKeys: readonly OwnedKey[]) => OwnersChange | null;

/**
 * Changes a stored run. Unlike in `RunHandle.change`, `decide` also gets the keys of the owner record, and the commit names that
 * record. So no request can take a key in between.
 */
export async function changeWithOwners(
  context: RunContext,
  handle: RunHandle,
  decide: Decide,
): Promise<{ readonly before: Run; readonly run: Run; readonly changed: boolean }> {
  const { processModelId } = (await handle.load()).header;
  const { decision, changed } = await changeModel(
    context,
    processModelId,
    { calls: handle.calls },
    async ({ keys, trials }, failedTries) => {
      const run = await handle.load();
      const change = decide(run, keys);
      const others = trials.filter((id) => id !== run.header.runId);
      const all: ModelChange | null =
        change === null
          ? null
          : {
              keys: change.keys ?? keys,
              trials: isNamedTrial(run.header.definition) ? [...others, run.header.runId] : trials,
              created: null,
              changed: [{ run, change }],
              namedToo: [],
            };
      return { change: all, run, wasTried: failedTries > 0 };
    },
  );
  const [run = decision.run] = changed;
  return { before: decision.run, run, changed: changed.length > 0 || decision.wasTried };
}

/** Changes a stored run so that it goes on, and logs that with who wants it. */
export async function resumeWithOwners(
  context: RunContext,
  handle: RunHandle,
  requester: Requester,
  decide: Decide,
): Promise<{ readonly run: Run; readonly changed: boolean }> {
  const { before, run, changed } = await changeWithOwners(context, handle, decide);
  if (changed && isWorkable(run.header.state)) context.log.controlled(run.header, 'Resumed', requester);
  const lostKeys = run.header.droppedKeys.length - before.header.droppedKeys.length;
  if (lostKeys > 0) context.log.keysTaken(run.header);
  return { run, changed };
}
