import type { RunRecord } from '../../../src/ports/repository.js';
import type { CommitEvent } from '../history.js';
import type { RecordReader, ShardView } from '../read-record.js';
import { blamedIn, countOnPages } from './blame.js';
import { formerPathsOf, ownersAfter, touchedKeys } from './judged-keys.js';
import {
  areDone,
  type FormerList,
  failuresOf,
  isComplete,
  isRequest,
  isWorkable,
  type JudgedCall,
  type JudgedInstance,
  type JudgedOwner,
  type JudgedRun,
  type JudgedTouch,
  jobKey,
  type TooSlow,
} from './judged-world.js';
import {
  isFreeze,
  isNextWalk,
  isProgress,
  passedOver,
  type RunChange,
  settledBy,
  visitedOf,
} from './judgement.js';
import { namesListed } from './lists.js';

/** The parts of the world that a commit changes. */
export interface CommittedWorld {
  readonly instances: ReadonlyMap<number, JudgedInstance>;
  readonly records: Map<string, RunRecord>;
  readonly owners: Map<string, JudgedOwner>;
  readonly touches: Map<string, JudgedTouch>;
  readonly runs: Map<string, JudgedRun>;
  readonly calls: ReadonlyMap<number, JudgedCall>;
  readonly tooSlow: Map<string, TooSlow>;
  readonly begunAt: Map<string, number>;
}

/** What a commit has changed in each run. */
export function changesOf(
  { records }: CommitEvent,
  runs: ReadonlyMap<string, JudgedRun>,
  reader: RecordReader,
): RunChange[] {
  const byRun = new Map<string, RunRecord[]>();
  const failures = records.flatMap((record) => reader.failures(record) ?? []);
  const differences = records.flatMap((record) => reader.differences(record) ?? []);
  for (const { ofRun } of [...failures, ...differences]) byRun.set(ofRun, []);
  const isOfRun = (record: RunRecord): boolean =>
    !reader.isOwners(record) && reader.failures(record) === null && reader.differences(record) === null;
  const ofRuns = records.filter(isOfRun);
  for (const record of ofRuns) byRun.set(record.runId, [...(byRun.get(record.runId) ?? []), record]);
  return [...byRun].map(([runId, ofRun]) => {
    const run = runs.get(runId) ?? null;
    const header = ofRun.find(reader.isHeader);
    const shards = ofRun.filter((record) => record !== header).map(reader.shard);
    const changed =
      header === undefined ? null : { before: run?.header ?? null, after: reader.header(header) };
    const limit = (changed?.after ?? run?.header)?.definition.limit ?? null;
    const isOpened = isFreeze({ header: changed }) || isNextWalk({ header: changed });
    return {
      runId,
      run,
      header: changed,
      failures: failures.filter((one) => one.ofRun === runId),
      differences: differences.filter((one) => one.ofRun === runId),
      shards: shards.map((after) => {
        const before = run?.shards.get(after.index) ?? null;
        return { before, after, isOpened, isAtLimit: visitedOf(after) === limit };
      }),
    };
  });
}

export function applyCommit(
  event: CommitEvent,
  at: number,
  changes: readonly RunChange[],
  world: CommittedWorld,
): void {
  const { instances, records, calls, owners } = world;
  const call = calls.get(event.call);
  const [expected] = event.expected;
  if (call !== undefined && expected !== undefined) {
    learnSizes(event, at, expected.id, call, world);
    const shards = changes.flatMap((change) => change.shards);
    // It was this instance that took too long, not the size of a batch.
    if (shards.some((shard) => blamedIn(event, shard, call).length > 0)) {
      world.tooSlow.delete(expected.id);
      call.tooSlow.delete(expected.id);
    }
  }
  if (event.status === 'conflict' && call !== undefined) call.conflicts += 1;
  const isMet = event.moved.length + event.kept.length + event.gone.length > 0;
  if (isMet && call !== undefined) call.hasMetWriters = true;
  const [only] = event.instances;
  if (call !== undefined) doubtRefusals(call, event);
  const isRefusedAlone = event.status === 'refused' && !event.late && event.instances.length === 1;
  if (isRefusedAlone && only !== undefined && call !== undefined)
    addRefusal(call, { id: only.id, keys: only.values.map(({ key }) => key) }, at);
  for (const { id, key, row } of event.written) {
    if (row === null) instances.get(id)?.rows.delete(key);
    else instances.get(id)?.rows.set(key, row);
  }
  for (const [key, touch] of touchedKeys(event, changes, call, owners))
    world.touches.set(key, { ...touch, at });
  for (const [key, owner] of ownersAfter(event, changes, calls.get(event.call)))
    owners.set(key, { ...owner, at });
  for (const record of event.records) records.set(record.id, record);
  for (const change of changes) applyChange(event, at, change, world);
}

/** The call has seen the answer, or may have. */
export function learnFromLost(event: CommitEvent, call: JudgedCall | undefined): void {
  if (call === undefined) return;
  doubtRefusals(call, event);
  const created = event.records.find(({ id, runId }) => id === runId);
  if (call.method === 'start' && created !== undefined) call.storedRun ??= created.runId;
}

/** After so many batches that were not too slow, a job tries larger ones. */
const GOOD_BATCHES = 10;

/**
 * The store has refused an instance alone. An outage counts, too: one that refuses only values may end right between the last
 * experiment and the commit that blames the instance.
 */
export function addRefusal(
  { refused, seen }: JudgedCall,
  { id, keys }: { readonly id: number; readonly keys: readonly string[] },
  at: number,
): void {
  const last = refused.get(id);
  const isReadSince = seen.get(id)?.some((read) => read.at > (last?.at ?? at)) === true;
  const before = isReadSince ? undefined : last; // it is planned again then, perhaps without some keys
  const is = before === undefined || before.is === 'new' ? 'new' : 'confirmed';
  refused.set(id, { at, keys: new Set([...(before?.keys ?? []), ...keys]), is });
}

/** Values of other instances are accepted, if only to be rolled back. Those that would not be written prove nothing. */
function doubtRefusals({ refused }: JudgedCall, { status, instances, moved, kept }: CommitEvent): void {
  if (status !== 'undone' && status !== 'committed') return;
  const isKept = (id: number, key: string): boolean =>
    kept.some((value) => value.id === id && value.key === key);
  const accepted = instances.filter(
    ({ id, values }) => !moved.includes(id) && values.some(({ key }) => !isKept(id, key)),
  );
  for (const [id, refusal] of refused) {
    const isDoubted = refusal.is === 'new' && accepted.some((other) => other.id !== id);
    if (isDoubted) refused.set(id, { ...refusal, is: 'doubted' });
  }
}

function learnSizes(
  event: CommitEvent,
  at: number,
  record: string,
  call: JudgedCall,
  world: CommittedWorld,
): void {
  const { status, instances } = event;
  const { tooSlow } = world;
  for (const { id } of instances.length > 1 ? instances : []) {
    if ((call.batches.get(id)?.length ?? 0) < instances.length) call.batches.set(id, instances);
  }
  const own = call.tooSlow.get(record);
  // Its caller does not hear of a commit that takes effect late.
  if (status === 'too-slow' && !event.late) {
    const onPages = countOnPages(event, world);
    const size = Math.min(own?.size ?? onPages, onPages);
    call.tooSlow.set(record, { at, size, batches: 0 });
  }
  if (status !== 'committed' || instances.length === 0) return;
  // What an older call did not know, it cannot hand on.
  const stored = tooSlow.get(record);
  const known = own ?? (stored !== undefined && stored.at < call.startedAt ? stored : null);
  const next = known === null ? null : { ...known, batches: known.batches + 1 };
  if (next === null || next.batches >= GOOD_BATCHES) {
    tooSlow.delete(record);
    call.tooSlow.delete(record);
    return;
  }
  if (own !== undefined) call.tooSlow.set(record, next);
  // Others know of it from the first commit after it on.
  const isNews = stored === undefined || own?.batches === 0;
  tooSlow.set(record, { ...next, at: isNews ? at : stored.at });
}

function applyChange(
  event: CommitEvent,
  at: number,
  change: RunChange,
  { instances, runs, calls, begunAt }: CommittedWorld,
): void {
  const call = calls.get(event.call);
  const { runId, header } = change;
  const processModelId = event.records.find((record) => record.runId === runId)?.processModelId ?? '';
  if (header !== null && change.run === null) {
    const source = call?.method === 'retry-failed' ? runs.get(String(call.argument.runId)) : undefined;
    runs.set(runId, newRun(at, { runId, processModelId, header: header.after }, runs, source));
    if (call?.method === 'start') begunAt.set(runId, at);
    if (call !== undefined) call.storedRun = runId;
  }
  const run = runs.get(runId);
  if (run === undefined) return;
  if (header !== null) {
    const [before, after] = [run.header.state, header.after.state];
    if (after === 'failed') run.hasFailed = true;
    const getsQueue = header.after.hasQueue && !run.header.hasQueue;
    if (isWorkable(after) && (getsQueue || !isWorkable(before))) {
      run.resumedAt = at;
      run.forgivenFailures = failuresOf(run.shards.values());
    }
    if (isComplete(after) && !isComplete(before)) run.completions += 1;
    if (isFreeze(change)) {
      run.frozenAt = call?.surveyedAt ?? at;
      run.walkBegunAt = at;
    }
    if (isNextWalk(change)) {
      run.formerLists = [...run.formerLists, formerList(run)];
      run.outcomes.clear();
      run.failed.clear();
      run.differing.clear();
      run.forgivenFailures = null;
    }
    if (isRequest(call)) run.claimedAt = at;
    run.header = header.after;
    run.changedAt = at;
    run.changedBy = event.call;
  }
  const wasDone = areDone(run);
  for (const shard of change.shards) {
    const { before, after, isOpened } = shard;
    run.shards.set(after.index, after);
    if (before !== null && isSooner(before, after) && call !== undefined) call.hasMovedStart = true;
    if (isProgress(shard)) run.progress.push({ at, call: event.call, shard: after.index });
    const written = event.written.findLast(({ row }) => row !== null && row.value !== null);
    if (isProgress(shard) && written !== undefined) run.lastWritten.set(after.index, written.id);
    if (before === null || after.allottedStep > before.allottedStep) {
      const key = jobKey(after.index, after.allottedStep);
      const isFollowing = before !== null && !isOpened;
      const isHandedBack = before !== null && after.handedBack > before.handedBack;
      const handedBackUntil = isHandedBack ? after.heldUntil : null;
      run.allotted.set(key, { at, call: event.call, isFollowing, handedBackUntil });
      call?.allotted.add(`${runId}_${key}`);
    }
  }
  if (areDone(run) && !wasDone) run.allDoneAt = at;
  for (const { id } of settledBy(event, [change]))
    run.outcomes.set(id, instances.has(id) ? 'visited' : 'gone');
  for (const { shard, number, failures } of change.failures)
    for (const failure of failures) addListed(run.failed, { ...failure, shard, number });
  for (const { shard, number, differences } of change.differences)
    for (const difference of differences) addListed(run.differing, { ...difference, shard, number });
  for (const { before, after } of change.shards) {
    const left = new Set(after.behind.map(({ id }) => id));
    for (const { id } of before?.behind ?? []) if (!left.has(id)) run.behind.delete(id);
    for (const id of left) if (!run.behind.has(id)) run.behind.set(id, { reads: 0, misses: 0 });
  }
  for (const { id } of change.shards.flatMap((shard) => passedOver(event, shard, call)))
    run.outcomes.set(id, instances.has(id) ? 'visited' : 'unknown');
}

function addListed<Item extends { readonly instanceId: number }>(
  list: Map<number, readonly Item[]>,
  item: Item,
): void {
  list.set(item.instanceId, [...(list.get(item.instanceId) ?? []), item]);
}

function formerList(run: JudgedRun): FormerList {
  const { walk } = run.header;
  return { walk, failures: namesListed(run, 'failures'), differences: namesListed(run, 'differences') };
}

function isSooner(before: ShardView, after: ShardView): boolean {
  const [was, is] = [before.heldUntil, after.heldUntil];
  return after.heldFor === 'startAfter' && was !== null && is !== null && is < was;
}

function newRun(
  createdAt: number,
  run: Pick<JudgedRun, 'runId' | 'processModelId' | 'header'>,
  runs: ReadonlyMap<string, JudgedRun>,
  /** Of which it retries the failed instances. */
  source: JudgedRun | undefined,
): JudgedRun {
  return {
    ...run,
    createdAt,
    claimedAt: createdAt,
    formerPaths: source?.formerPaths ?? formerPathsOf(run, runs.values()),
    shards: new Map(),
    outcomes: new Map(),
    failed: new Map(),
    differing: new Map(),
    formerLists: [],
    behind: new Map(),
    lastWritten: new Map(),
    requestedAt: null,
    answeredAt: null,
    joinedAt: -1,
    frozenAt: -1,
    walkBegunAt: -1,
    resumedAt: -1,
    changedAt: -1,
    changedBy: -1,
    allDoneAt: -1,
    hasFailed: false,
    forgivenFailures: null,
    completions: 0,
    progress: [],
    allotted: new Map(),
  };
}
