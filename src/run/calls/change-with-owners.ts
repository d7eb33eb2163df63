import type { RunChange } from '../changes/run-change.js';
import type { RunContext } from '../context/run-context.js';
import type { OwnedKey } from '../record/owner-record.js';
import { isTrial } from '../record/run-definition.js';
import type { Run } from '../record/run-record.js';
import { isWorkable } from '../record/run-state.js';
import { changeModel, type ModelChange } from './change-model.js';
import type { RunHandle } from './open-run.js';

/**
 * Changes a stored run so that it goes on, and logs that. Unlike in `RunHandle.change`, `decide` also gets the keys of the
 * owner record, and the commit names that record. So no request can take a key in between.
 */
export async function changeWithOwners(
  context: RunContext,
  handle: RunHandle,
  decide: (run: Run, ownedKeys: readonly OwnedKey[]) => RunChange | null,
): Promise<{ readonly run: Run; readonly changed: boolean }> {
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
              keys,
              trials: isTrial(run.header.definition) ? [...others, run.header.runId] : trials,
              created: null,
              changed: [{ run, change }],
              namedToo: [],
            };
      return { change: all, run, wasTried: failedTries > 0 };
    },
  );
  const [run = decision.run] = changed;
  const isChanged = changed.length > 0 || decision.wasTried;
  if (isChanged && isWorkable(run.header.state)) context.log.controlled(run.header, 'Resumed');
  const lostKeys = run.header.droppedKeys.length - decision.run.header.droppedKeys.length;
  if (lostKeys > 0) context.log.keysTaken(run.header);
  return { run, changed: isChanged };
}
