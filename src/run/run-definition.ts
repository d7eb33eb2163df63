import { createHash } from 'node:crypto';
import type { Cursor } from '../ports/repository.js';
import type { Runtime } from '../ports/runtime.js';
import type { Run, RunDefinition } from './run-record.js';
import { emptyTally } from './tally.js';

/** A run that nobody has started: its records before the first job. */
export function newRun(
  processModelId: string,
  definition: RunDefinition,
  options: { readonly runtime: Runtime; readonly claim?: string; readonly startAfter?: Date | undefined },
): Run {
  const { runtime, claim, startAfter } = options;
  const now = runtime.now();
  const runId = newRunId(runtime);
  const nowhere: Cursor | null = null;
  return {
    header: {
      runId,
      processModelId,
      revision: 0,
      claim: claim ?? runId,
      definition,
      state: 'pending',
      total: null,
      upTo: nowhere,
      createdAt: now,
      startedAt: null,
      endedAt: null,
      lastError: null,
      dropped: [],
      again: false,
    },
    shards: [
      {
        index: 0,
        revision: 0,
        done: false,
        after: nowhere,
        upTo: nowhere,
        tally: emptyTally(definition.paths.length),
        step: 0,
        epoch: -1,
        holder: null,
        at: now,
        swept: 0,
        sweptAt: null,
        notBefore: startAfter?.getTime() ?? null,
      },
    ],
  };
}

/** The same for two definitions that ask for the same work, in whatever order their paths are. */
export function fingerprint(processModelId: string, definition: RunDefinition): string {
  const { missing, limit, instanceIds } = definition;
  const paths = definition.paths
    .map(({ key, segments, mode }) => JSON.stringify([key, segments, mode]))
    .sort();
  const ids = instanceIds?.map((id) => JSON.stringify(id)).sort() ?? null;
  const text = JSON.stringify([processModelId, paths, missing, limit, ids]);
  return createHash('sha256').update(text).digest('base64url');
}

/** Sorts by time of creation. Of the form [0-9a-z]{25}. */
export function newRunId(runtime: Runtime): string {
  const time = runtime.now().toString(36).padStart(9, '0');
  return `${time}${randomText(runtime)}${randomText(runtime)}`;
}

/** Eight characters that nobody else draws. */
export function randomText({ random }: Runtime): string {
  return Math.floor(random() * 36 ** 8)
    .toString(36)
    .padStart(8, '0');
}
