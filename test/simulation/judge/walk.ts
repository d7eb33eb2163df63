import type { CommitEvent, SeenInstance } from '../history.js';
import type { ShardView } from '../read-record.js';
import {
  failuresOf,
  isComplete,
  isRequest,
  type JudgedInstance,
  type JudgedRun,
  type Replay,
} from './judged-world.js';
import {
  isFreeze,
  isNextWalk,
  isTrial,
  type Judgement,
  passedOver,
  type Rules,
  type RunChange,
  type ShardChange,
  visitedOf,
} from './judgement.js';
import { REREADS } from './outcomes.js';

/**
 * 3. An instance that was committed before the last freeze, and still exists, is processed or failed.
 * 4. The cursor moves strictly forward, or stays for a commit of left-behind instances only. Each commit starts where the last one ended. The shards cover the range without gaps.
 * 24. An instance is left behind only if it was saved since its read, and keeps its place until it has an outcome. A shard
 *    is not done before.
 * 8. A run is completed once. Then every shard is done, and no instance is left up to the bound.
 * 16. The bound is fixed once per walk. There are at most three walks, one after another. The records have a limited size.
 * 22. A run that says that it was settled covers each instance whose transaction began before its first job. A run covers the
 *    instances that were there when an equal request joined, if it says so. What it cannot promise leads to another walk.
 * 23. A run visits no more instances than its limit.
 */
export const walkRules: Rules = {
  commit(event, judgement) {
    for (const change of judgement.changes) {
      for (const shard of change.shards) judgeShard(event, judgement, change, shard);
      judgeBound(judgement, change);
      judgeWalks(judgement, change);
      judgeCompletion(judgement, change);
    }
  },

  insert({ id, transaction, processModelId }, { at, world, broken }) {
    const begunAt = transaction === null ? at : (world.transactionsBegunAt.get(transaction) ?? at);
    for (const run of world.runs.values()) {
      const isSettled = run.header.settled === true && run.header.total !== null;
      if (run.processModelId === processModelId && isSettled && begunAt < (world.begunAt.get(run.runId) ?? 0))
        broken(22, `a run was settled, but instance ${id} of an older transaction came after its freeze`);
    }
  },

  // An equal request joined a run that had completed. Then its instances must have been visited.
  return({ call: id, answer }, { world, broken }) {
    const { created, covered, runId } = Object(answer);
    const [call, run] = [world.calls.get(id), world.runs.get(runId)];
    if (call === undefined || run === undefined || created !== false) return;
    if (isRequest(call) && call.foundEnded.has(runId))
      broken(22, 'a request joined a run that it had found ended');
    const { total, walkAgain } = run.header;
    const isLast = total !== null && !walkAgain && run.frozenAt < call.startedAt;
    if (covered === true && isLast && !isComplete(run.header.state))
      broken(22, 'a request joined a run after its freeze, is said to be covered, and no other walk is due');
    if (!isComplete(run.header.state) || covered !== true) return;
    const unvisited = unvisitedInstances(world, run, call.startedAt);
    if (unvisited.length > 0) {
      broken(
        22,
        `a request joined a run that did not visit ${listed(unvisited)}, although it existed before the request`,
      );
    }
  },

  end(_, { world, broken }) {
    for (const record of world.records.values()) {
      const content = JSON.stringify(record.content);
      if (content.length > MOST_CHARACTERS)
        broken(16, `record ${record.id} has ${content.length} characters`);
    }
  },
};

const MOST_CHARACTERS = 20_000;

function judgeShard(
  event: CommitEvent,
  { world, broken }: Judgement,
  { run }: RunChange,
  change: ShardChange,
): void {
  const { before, after, isOpened, isAtLimit } = change;
  if (before === null || run === null || isOpened) return;
  const counted = passedOver(event, change, world.calls.get(event.call));
  judgeBehind(event, broken, run, { before, after }, counted);
  const wasBehind = new Set(before.behind.map(({ id }) => id));
  const instances = event.instances.filter(({ id }) => !wasBehind.has(id));
  const { limit } = run.header.definition;
  if (limit !== null && visitedOf(after) > limit)
    broken(23, `${visitedOf(after)} instances were visited, but limit is ${limit}`);
  const passed = counted.filter(({ id }) => !wasBehind.has(id));
  if (before.done && after.done && after.committedBy !== before.committedBy)
    broken(8, `shard ${after.index} was changed after it was done`);
  if (instances.length + passed.length === 0) {
    if (after.after !== before.after) broken(4, `the cursor moved to ${after.after} without any instance`);
    if (after.done && !before.done && !isAtLimit) judgeProof(world, run, after, broken);
    return;
  }
  const cursors = instances.map(({ id }) => cursorOf(world, event, id));
  const last = [cursors.at(-1), ...passed.map(({ cursor }) => cursor)].reduce(laterOf);
  if (!(after.after !== null && after.after > (before.after ?? Number.NEGATIVE_INFINITY))) {
    broken(
      4,
      `the cursor went from ${before.after} to ${after.after} with a commit of ${instances.length + passed.length} instances`,
    );
  }
  if (isAtLimit) return;
  if (last !== undefined && after.after !== last) {
    broken(4, `the cursor is at ${after.after}, but the last instance of the commit is at ${last}`);
  }
  if (after.upTo !== null && last !== undefined && last > after.upTo)
    broken(4, 'instances beyond the bound were committed');
  const committed = new Set([...instances, ...passed].map(({ id }) => id));
  const first = instances[0] ?? passed[0];
  const readAt = (first && world.calls.get(event.call)?.seen.get(first.id)?.at(-1)?.at) ?? 0;
  const skipped = selected(world, run).filter(
    ({ id, cursor, insertedAt }) =>
      insertedAt < readAt &&
      !committed.has(id) &&
      cursor > (before.after ?? Number.NEGATIVE_INFINITY) &&
      cursor <= (after.after ?? Number.NEGATIVE_INFINITY),
  );
  if (skipped.length > 0)
    broken(4, `a commit does not start where the last one ended: it skips ${listed(skipped)}`);
}

/** Who was behind is still behind, or has an outcome now. Who is behind now was saved, or was not found. */
function judgeBehind(
  event: CommitEvent,
  broken: Judgement['broken'],
  run: JudgedRun,
  { before, after }: { readonly before: ShardView; readonly after: ShardView },
  counted: readonly SeenInstance[],
): void {
  const given = new Set([...event.instances, ...counted].map(({ id }) => id));
  const [was, is] = [before, after].map(({ behind }) => new Set(behind.map(({ id }) => id)));
  for (const id of was ?? []) {
    if (is?.has(id) !== true && !given.has(id)) broken(24, `instance ${id} was left behind and is forgotten`);
  }
  for (const id of is ?? []) {
    if (run.outcomes.has(id)) broken(1, `instance ${id} is left behind, although it has an outcome`);
    const isLost = was?.has(id) === true && (run.behind.get(id)?.misses ?? 0) > 0;
    if (given.has(id) ? !event.moved.includes(id) && !isLost : was?.has(id) !== true)
      broken(24, `instance ${id} is left behind, although it was not saved since its read`);
  }
  for (const id of event.moved) {
    const { reads } = run.behind.get(id) ?? { reads: 0 };
    if (is?.has(id) !== true && reads < REREADS)
      broken(24, `instance ${id} has failed, because it was busy, after ${reads} reads of its own`);
  }
  if (after.behind.length > MOST_BEHIND)
    broken(16, `${after.behind.length} instances of shard ${after.index} are left behind`);
  if (after.done && after.behind.length > 0)
    broken(24, `shard ${after.index} was done, although instances were left behind`);
}

const MOST_BEHIND = 100;

function laterOf(a: number | undefined, b: number | undefined): number | undefined {
  return a === undefined || (b !== undefined && b > a) ? b : a;
}

function judgeProof(
  world: Replay,
  run: JudgedRun,
  { after, upTo, index }: ShardView,
  broken: Judgement['broken'],
): void {
  const left = selected(world, run).filter(
    ({ cursor }) =>
      cursor > (after ?? Number.NEGATIVE_INFINITY) && cursor <= (upTo ?? Number.NEGATIVE_INFINITY),
  );
  if (left.length > 0)
    broken(8, `shard ${index} was done, although ${listed(left)} was left before its bound`);
}

function judgeBound({ broken }: Judgement, { run, header, shards }: RunChange): void {
  if (run === null || header?.before == null) {
    if (header !== null && header.after.upTo !== null) broken(16, 'the bound was fixed before the first job');
    return;
  }
  const { before, after } = header;
  const isFrozen = isFreeze({ header });
  const isNext = isNextWalk({ header });
  if (after.upTo !== before.upTo && !isFrozen && !isNext)
    broken(16, `the bound went from ${before.upTo} to ${after.upTo}`);
  if (after.total !== before.total && !isFrozen && !isNext && !isComplete(after.state))
    broken(16, 'the total was changed');
  if (JSON.stringify(before.definition) !== JSON.stringify(after.definition))
    broken(16, 'the definition was changed');
  if (!isFrozen) return;

  const inOrder = shards.map((shard) => shard.after).sort((a, b) => a.index - b.index);
  if (inOrder.at(-1)?.upTo !== after.upTo) broken(4, 'the last shard does not end at the bound of the run');
  for (const [index, shard] of inOrder.entries()) {
    const start = index === 0 ? null : inOrder[index - 1]?.upTo;
    if (shard.after !== start) broken(4, `shard ${shard.index} starts at ${shard.after}, not at ${start}`);
  }
  for (const { index, done } of run.shards.values()) {
    const isReopened = inOrder.some((shard) => shard.index === index);
    if (!isReopened && !done) broken(4, `shard ${index} is open, but has no part of the walk`);
  }
}

const MOST_WALKS = 3;

/** When a run walks again, and when it must not. */
function judgeWalks({ world, broken }: Judgement, { run, header, shards }: RunChange): void {
  if (run === null || header?.before == null) return;
  const { before, after } = header;
  if (after.walk !== before.walk) {
    const isOver = before.state === 'running' && [...run.shards.values()].every(({ done }) => done);
    if (after.walk !== before.walk + 1 || !isOver || after.state !== 'pending' || after.total !== null)
      broken(16, `walk ${after.walk} began, although walk ${before.walk} was not over`);
    if (after.walk > MOST_WALKS || isTrial(before)) broken(16, `walk ${after.walk} is one too many`);
    if (!before.walkAgain) broken(16, `walk ${after.walk} began for no reason`);
    if (shards.length !== run.shards.size) broken(16, `walk ${after.walk} began without some shards`);
  }
  if (before.walkAgain && isComplete(after.state))
    broken(22, 'a run was completed although it was to walk again');
  if (!isFreeze({ header })) return;
  const isFill = before.definition.paths.every(({ mode }) => mode === 'fill');
  const isKnown = world.rules.settles && !isTrial(before);
  if (isKnown !== (after.settled !== null)) broken(16, `a walk was frozen with settled: ${after.settled}`);
  const isDue = isKnown ? after.settled === false && before.settled !== false : isFill && before.walk === 1;
  const mayWalk = before.walk < MOST_WALKS && !isTrial(before);
  if (after.walkAgain !== (isDue && mayWalk))
    broken(22, `walk ${after.walk} was frozen, and ${after.walkAgain ? 'another' : 'no other'} walk is due`);
}

function judgeCompletion({ world, broken }: Judgement, { run, header, shards }: RunChange): void {
  if (run === null || header === null || !isComplete(header.after.state) || isComplete(run.header.state))
    return;
  const all = new Map(run.shards);
  for (const shard of shards) all.set(shard.after.index, shard.after);
  const open = [...all.values()].filter(({ done }) => !done);
  if (open.length > 0) broken(8, `the run was completed with ${open.length} open shards`);
  if (run.completions > 0) broken(8, 'the run was completed twice');
  const outcomes = [...all.values()].reduce(
    (sum, { tally }) => sum + tally.processed + tally.failed + tally.gone,
    0,
  );
  if (outcomes > (header.after.total ?? 0))
    broken(2, `${outcomes} outcomes, but a total of ${header.after.total}`);
  const failed = failuresOf(all.values()) - (run.forgivenFailures ?? 0);
  const { maxFailures } = header.after.definition;
  if (maxFailures !== null && failed > maxFailures) {
    broken(8, `the run was completed with ${failed} failures, although maxFailures is ${maxFailures}`);
  }
  const unvisited = unvisitedInstances(world, run, run.frozenAt);
  if (unvisited.length > 0) broken(3, `the run was completed without ${listed(unvisited)}`);
  const joined = unvisitedInstances(world, run, run.joinedAt);
  if (joined.length > 0) broken(22, `a request joined a run that was completed without ${listed(joined)}`);
}

/** Instances that have existed since then and were not visited, unless the limit was reached. */
function unvisitedInstances(world: Replay, run: JudgedRun, since: number): JudgedInstance[] {
  const { limit } = run.header.definition;
  if (limit !== null && run.outcomes.size >= limit) return [];
  const upTo = limit === null ? Number.POSITIVE_INFINITY : (run.header.upTo ?? Number.NEGATIVE_INFINITY);
  return selected(world, run).filter(
    ({ id, insertedAt, cursor }) =>
      insertedAt < since && cursor <= upTo && run.outcomes.get(id) !== 'visited',
  );
}

function selected(world: Replay, { processModelId, header }: JudgedRun): JudgedInstance[] {
  const { instanceIds } = header.definition;
  return [...world.instances.values()].filter(
    (instance) =>
      instance.processModelId === processModelId &&
      (instanceIds === null || instanceIds.includes(instance.id)),
  );
}

function cursorOf(world: Replay, { call }: CommitEvent, id: number): number | undefined {
  return world.instances.get(id)?.cursor ?? world.calls.get(call)?.seen.get(id)?.[0]?.instance.cursor;
}

function listed(instances: readonly JudgedInstance[]): string {
  const ids = instances.slice(0, 5).map(({ id }) => id);
  return `instance${ids.length === 1 ? '' : 's'} ${ids.join(', ')}${instances.length > 5 ? ', …' : ''}`;
}
