import { isBackfillError } from '../../errors.js';
import type { RunRecord } from '../../ports/repository.js';
import { dropKeys } from '../changes/drop-keys.js';
import { join } from '../changes/join-run.js';
import type { RunContext } from '../context/run-context.js';
import {
  claimKeys,
  contestedKeys,
  type Fillers,
  fillersOf,
  type KeyUpdate,
  owedKeys,
  ownedPaths,
  updateKeys,
} from '../record/claim-keys.js';
import { newRunId } from '../record/new-ids.js';
import type { OwnedKey, OwnerRecord } from '../record/owner-record.js';
import { watchProgress } from '../record/progress.js';
import { fingerprint, isNamedTrial, newRun, ownsKeys } from '../record/run-definition.js';
import {
  type KeyClaim,
  type Requester,
  type Run,
  type RunDefinition,
  type RunHeader,
  runFrom,
} from '../record/run-record.js';
import { isActive } from '../record/run-state.js';
import { announceFound } from './announce-changes.js';
import { changeModel, type ModelChange } from './change-model.js';
import { findActiveRuns, readableHeaders } from './find-runs.js';
import { type PortCalls, portCalls } from './port-calls.js';
import { loadRecords } from './run-records.js';

/** What is asked of a model: to fill keys, and to stop filling those that an update has removed or changed. */
export interface ModelRequest {
  readonly processModelId: string;
  readonly updates: readonly KeyUpdate[];
  /**
   * The definition of the new run. `null`: no new run.
   * @param owed the updated keys that an unfinished run was still to fill.
   * @param owned the keys of the model, before these updates.
   */
  definitionFor(owed: ReadonlySet<string>, owned: readonly OwnedKey[]): RunDefinition | null;
  /** Whether jobs of a queue will work on the run. */
  readonly hasQueue: boolean;
  /** Whether an active run of an equal request will do. */
  readonly joins: boolean;
  readonly startAfter?: Date | undefined;
  /** Of a new run. One that is joined keeps its own. @default nobody is named */
  readonly requester?: Requester;
  /** For a retry: the former paths of the run that is retried, by key. @default those that the new run claims */
  readonly formerPaths?: ReadonlyMap<string, KeyClaim['formerPaths']>;
  /** The host's own. `undefined`: none. */
  readonly transaction?: unknown;
}

export interface ClaimedRun {
  readonly run: Run;
  /** `false`: it is the active run of an equal request. */
  readonly created: boolean;
  /** Whether its first job is to be enqueued, perhaps again. */
  readonly isCalledFor: boolean;
  /** Other runs whose first job is to be enqueued. An earlier try joined them, and then they ended or dropped a key. */
  readonly joinedBefore: readonly string[];
}

/**
 * Stores a new run, or joins the active run of an equal request. In the same commit, the keys of the model get their new
 * owner, and active runs drop the keys that they read from another path. Whatever fails, all of that is stored or none.
 * @returns `null` when there is nothing to run.
 */
export async function claimRun(context: RunContext, request: ModelRequest): Promise<ClaimedRun | null> {
  const { processModelId, transaction } = request;
  const runId = newRunId(context.runtime);
  const calls = portCalls(context, watchProgress(runId, context), { isStored: false });
  // Collected over all tries: an earlier try may be stored, and its run may have begun since.
  const calledFor = new Set<string>();
  const situation: Situation = { context, request, runId, calls, calledFor };
  const { decision, changed } = await changeModel<Decision>(
    context,
    processModelId,
    { calls, transaction, findStored: () => findOwn(situation) },
    (owners, failedTries) => decide(situation, owners, failedTries),
  );
  const { created, equal } = decision;
  const isEqual = ({ header }: Run): boolean => header.runId === equal?.header.runId;
  for (const run of changed) if (!isEqual(run)) context.log.keysTaken(run.header);
  const joinedBefore = [...calledFor].filter((id) => id !== equal?.header.runId);
  if (created !== undefined) return { run: created, created: true, isCalledFor: true, joinedBefore };
  if (equal === undefined) return null;
  const run = changed.find(isEqual) ?? equal;
  const isCalledFor = run.header.state === 'pending' || calledFor.has(run.header.runId);
  return { run, created: false, isCalledFor, joinedBefore };
}

/** Stores a new run that joins no other one, whatever else is active. All keys of its definition get it as their owner. */
export async function storeNewRun(
  context: RunContext,
  processModelId: string,
  definition: RunDefinition,
): Promise<Run> {
  const hasQueue = context.queue !== null;
  const request = { processModelId, updates: [], definitionFor: () => definition, hasQueue, joins: false };
  const claimed = await claimRun(context, request);
  if (claimed === null) throw new RangeError('a request with a definition must store a run');
  return claimed.run;
}

interface Decision {
  readonly change: ModelChange | null;
  /** The new run, which an earlier try may have stored. */
  readonly created?: Run;
  /** The run of an equal request, before the request joins it. */
  readonly equal?: Run;
}

interface Situation {
  readonly context: RunContext;
  readonly request: ModelRequest;
  /** Of the new run. */
  readonly runId: string;
  readonly calls: PortCalls;
  /** The runs for which a step was allotted, because an equal request wants them to begin. */
  readonly calledFor: Set<string>;
}

async function decide(situation: Situation, owners: OwnerRecord, failedTries: number): Promise<Decision> {
  const { request, runId, context } = situation;
  const { processModelId, updates, joins, startAfter } = request;
  const { keys: stored } = owners;
  const own = failedTries > 0 ? await findOwn(situation) : null;
  if (own !== null) return own;

  const { active, namedToo, trials } = await loadConcerned(situation, owners);
  const fillers = new Map(
    [...active, ...namedToo.map(({ header }) => header)].map((one) => [one.runId, one]),
  );
  const keys = updateKeys(stored, updates, fillers);
  const definition = request.definitionFor(owedKeys(stored, updates, fillers), stored);
  const activeKey = definition !== null && joins ? fingerprint(processModelId, definition) : runId;
  const equal = await loadEqual(situation, active, activeKey);
  if (definition === null || equal !== null) {
    const others = active.filter((header) => header.runId !== equal?.header.runId);
    const changed = [
      ...(await losers(situation, { active: others, namedToo }, updates, null)),
      ...joining(situation, equal, { keys, fillers }),
    ];
    const isChanged = changed.length > 0 || keys.some((key, index) => key !== stored[index]);
    const change = isChanged ? { keys, trials, created: null, changed, namedToo } : null;
    return equal === null ? { change } : { change, equal };
  }
  const claimed = claimKeys(keys, definition, { runId, fillers });
  const { runtime } = context;
  const { hasQueue, requester, formerPaths } = request;
  const claims = claimed.claims.map((claim, index): KeyClaim => {
    const former = formerPaths?.get(definition.paths[index]?.key ?? '');
    return former === undefined ? claim : { ...claim, formerPaths: former };
  });
  const named = { runtime, hasQueue, runId, activeKey, ...(requester === undefined ? {} : { requester }) };
  const created = newRun(processModelId, definition, { ...named, startAfter, claims });
  const changed = await losers(situation, { active, namedToo }, updates, definition);
  if (isNamedTrial(definition)) trials.push(runId);
  return { change: { keys: claimed.keys, trials, created, changed, namedToo }, created };
}

/** An earlier try may have stored the new run. */
async function findOwn(situation: Situation): Promise<Decision | null> {
  const created = await loadRun(situation, situation.runId);
  return created === null ? null : { change: null, created };
}

type ChangedRun = ModelChange['changed'][number];

/**
 * The active runs that read a key from another path than the request, each with the change that drops the key. A run that
 * has ended or dropped the key already is added to `namedToo`.
 */
async function losers(
  situation: Situation,
  { active, namedToo }: Concerned,
  updates: readonly KeyUpdate[],
  definition: RunDefinition | null,
): Promise<readonly ChangedRun[]> {
  const { context, runId } = situation;
  const taken = definition === null || !ownsKeys(definition) ? [] : ownedPaths(definition);
  const changed: ChangedRun[] = [];
  for (const header of active) {
    const byUpdate = contestedKeys(header, updates).map((key) => ({ key, takenBy: null }));
    const byRun = contestedKeys(header, taken).map((key) => ({ key, takenBy: runId }));
    const dropped = new Map([...byUpdate, ...byRun].map((one) => [one.key, one]));
    const run = dropped.size === 0 ? null : await loadRun(situation, header.runId);
    const change = run === null ? null : dropKeys(run, [...dropped.values()], context.runtime.now());
    if (run !== null && change !== null) changed.push({ run, change });
    else if (run !== null) namedToo.push(run);
  }
  return changed;
}

function joining(
  { context, request, calledFor }: Situation,
  equal: Run | null,
  { keys, fillers }: { readonly keys: readonly OwnedKey[]; readonly fillers: Fillers },
): readonly ChangedRun[] {
  if (equal === null) return [];
  const { runId, definition } = equal.header;
  const startAfter = request.startAfter?.getTime() ?? null;
  const { claims } = claimKeys(keys, definition, { runId, fillers });
  const change = join(equal, startAfter, context.runtime.now(), claims);
  if (change === null) return [];
  if (change.shards !== undefined && change.shards.length > 0) calledFor.add(equal.header.runId);
  return [{ run: equal, change }];
}

async function activeHeaders({ context, request }: Situation): Promise<readonly RunHeader[]> {
  const { processModelId, transaction } = request;
  const records: RunRecord[] = [];
  for await (const record of findActiveRuns(context, processModelId, transaction)) records.push(record);
  return readableHeaders(context, records);
}

/** The run of an equal request, unless it has ended or lost a key since it was found. */
async function loadEqual(
  situation: Situation,
  active: readonly RunHeader[],
  activeKey: string,
): Promise<Run | null> {
  const found = active.find((header) => header.activeKey === activeKey);
  const run = found === undefined ? null : await loadRun(situation, found.runId);
  return run !== null && isActive(run.header.state) && run.header.activeKey === activeKey ? run : null;
}

interface Concerned {
  readonly active: readonly RunHeader[];
  readonly namedToo: Run[];
}

/**
 * The active runs of the model, and the ended ones that have filled a key of the request or may have tried it. With the trials
 * that have not ended.
 */
async function loadConcerned(
  situation: Situation,
  owners: Pick<OwnerRecord, 'keys' | 'trials'>,
): Promise<Concerned & { readonly trials: string[] }> {
  const { updates, definitionFor } = situation.request;
  const active = [...(await activeHeaders(situation))];
  const namedToo: Run[] = [];
  const isShown = (runId: string): boolean => active.some((header) => header.runId === runId);
  const sort = (run: Run | null): void => {
    // One that is active after all was resumed since, or the database has lost its end.
    if (run !== null && isActive(run.header.state)) active.push(run.header);
    else if (run !== null) namedToo.push(run);
  };

  const largest = definitionFor(new Set(updates.map(({ key }) => key)), owners.keys);
  const fillers = fillersOf(owners.keys, updates, largest === null ? [] : ownedPaths(largest));
  for (const runId of fillers) if (!isShown(runId)) sort(await loadRun(situation, runId));
  const unreadable = new Set<string>();
  for (const runId of owners.trials.filter((id) => !isShown(id) && !fillers.has(id))) {
    const loaded = await loadTrial(situation, runId);
    if (loaded === null) unreadable.add(runId);
    else sort(loaded.run);
  }
  return { active, namedToo, trials: owners.trials.filter((id) => isShown(id) || unreadable.has(id)) };
}

/** `null`: a newer version has stored the trial, or its record is damaged. The request does not depend on it. */
async function loadTrial(situation: Situation, runId: string): Promise<{ readonly run: Run | null } | null> {
  try {
    return { run: await loadRun(situation, runId) };
  } catch (error) {
    if (isBackfillError(error, 'RUN_FORMAT')) return null;
    throw error;
  }
}

async function loadRun({ context, calls, request }: Situation, runId: string): Promise<Run | null> {
  const run = runFrom(await loadRecords(context, runId, { calls, transaction: request.transaction }));
  if (run !== null) announceFound(context, run);
  return run;
}
