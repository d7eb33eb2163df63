import { isDeepStrictEqual } from 'node:util';
import type { CommitEvent, SeenInstance } from '../history.js';
import type { DifferencesView, ShardView } from '../read-record.js';
import { valueAt } from '../world/extraction.js';
import type { JudgedRun, Replay } from './judged-world.js';
import {
  isNextWalk,
  type Judgement,
  type Rules,
  type RunChange,
  type ShardChange,
  settledBy,
} from './judgement.js';
import { nameOf } from './lists.js';
import { isUnreadable, mayBeLost } from './outcomes.js';

/**
 * 30. A dry run counts what differs in each instance that it has processed, as one of its reads has shown it. It lists the first
 *    differences of each shard exactly once, up to `maxListedDifferences`, without a gap. No other run lists anything.
 *    How a list is read: {@link listRules}.
 */
export const differenceRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) {
      const { run, differences, shards } = change;
      const isStray = differences.some(({ shard }) => !shards.some(({ after }) => after.index === shard));
      if (isStray) judgement.broken(30, 'differences were stored without a checkpoint');
      if (differences.length > 0 && run?.header.definition.dryRun !== true)
        judgement.broken(30, 'a run that is no dry run has listed differences');
      for (const shard of shards) judgeRecords(judgement, change, shard);
      if (run?.header.definition.dryRun === true) judgeListed(event, judgement, run, change);
    }
  },
};

function judgeRecords({ broken }: Judgement, change: RunChange, { before, after }: ShardChange): void {
  const stored = change.differences.filter(({ shard }) => shard === after.index);
  const [from, to] = [before?.differenceRecords ?? 0, after.differenceRecords];
  const numbers = stored.map(({ number }) => number).sort((a, b) => a - b);
  if (numbers.length !== to - from || numbers.some((number, place) => number !== from + place))
    broken(30, `shard ${after.index} counts records ${from} to ${to}, but got ${numbers.join(', ')}`);
  if (isNextWalk(change) && after.differencesFrom !== from)
    broken(30, `a walk began at record ${after.differencesFrom} of the differences, not at ${from}`);
  if (isNextWalk(change) && after.unlistedDifferences > 0)
    broken(30, `a walk began with ${after.unlistedDifferences} differences left out`);
}

function judgeListed(event: CommitEvent, judgement: Judgement, run: JudgedRun, change: RunChange): void {
  const { world, broken } = judgement;
  const listed = change.differences.flatMap(({ differences }) => differences);
  const settled = new Set(settledBy(event, [change]).map(({ id }) => id));
  for (const { instanceId } of listed) {
    if (run.differing.has(instanceId)) broken(30, `instance ${instanceId} is listed a second time`);
    if (!settled.has(instanceId))
      broken(30, `instance ${instanceId} is listed, but has no outcome by this commit`);
  }
  const reads = world.calls.get(event.call)?.seen;
  const isCut = change.shards.some(({ before, after }) => unlistedIn(after) > unlistedIn(before));
  const found: (readonly (readonly Difference[])[])[] = [];
  let isOver = false;
  for (const id of settled) {
    const own = listed.filter(({ instanceId }) => instanceId === id);
    const possible = expectedOf(event, world, run, id, reads?.get(id)?.map(({ instance }) => instance) ?? []);
    const isListed = (list: readonly Difference[]): boolean =>
      isDeepStrictEqual(own.map(nameOf), list.slice(0, isCut ? own.length : undefined).map(nameOf));
    const lists = possible.filter(isListed);
    found.push(lists);
    if (isOver && own.length > 0) broken(30, `instance ${id} is listed after a gap`);
    isOver ||= lists.length > 0 && lists.every((list) => list.length > own.length);
    if (lists.length > 0) continue;
    const expected = possible.map((list) => list.map(nameOf).join(', '));
    broken(
      30,
      `instance ${id} is listed with [${own.map(nameOf).join(', ')}], not with [${expected.join('] or [')}]`,
    );
  }
  const [shard] = change.shards;
  if (shard === undefined || settled.size === 0 || isNextWalk(change)) return;
  judgeCounts(judgement, run, shard, found);
  const unsettled = event.instances.length - settled.size + event.gone.length + event.moved.length;
  judgeBound(judgement, run, shard, { listed: listed.length, unsettled });
}

/** Each count grows as one of the possible lists of each instance says. */
function judgeCounts(
  { broken }: Judgement,
  { header }: JudgedRun,
  { before, after }: ShardChange,
  found: readonly (readonly (readonly Difference[])[])[],
): void {
  for (const [index, { key }] of header.definition.paths.entries())
    for (const [code, name] of COUNTERS) {
      const count = (shard: ShardView | null): number => shard?.tally.differences[index]?.[name] ?? 0;
      const more = count(after) - count(before);
      const bounds = found.map((lists) =>
        lists.map((list) => list.filter((one) => one.key === key && one.code === code).length),
      );
      const [least, most] = [Math.min, Math.max].map((bound) =>
        bounds.reduce((sum, counts) => sum + (counts.length === 0 ? 0 : bound(...counts)), 0),
      );
      if (more < (least ?? 0) || more > (most ?? 0))
        broken(30, `${more} instances are counted as ${name} under "${key}", not ${least} to ${most}`);
    }
}

const COUNTERS = [
  ['ABSENT', 'absent'],
  ['DIFFERENT', 'different'],
  ['ORPHANED', 'orphaned'],
] as const;

/** @param options.unsettled how many instances had a place reserved that they did not use */
function judgeBound(
  { broken }: Judgement,
  { header }: JudgedRun,
  { before, after }: ShardChange,
  { listed, unsettled }: { readonly listed: number; readonly unsettled: number },
): void {
  const { maxListedDifferences: most, paths } = header.definition;
  const [was, is] = [listedIn(before), listedIn(after)];
  if (is - was !== listed)
    broken(30, `${listed} differences are listed, but ${is - was} are counted as listed`);
  if (is > most) broken(30, `shard ${after.index} lists ${is} differences, more than ${most}`);
  if (listed > 0 && unlistedIn(before) > 0)
    broken(30, `shard ${after.index} lists differences after it has left some out`);
  const isFirstCut = unlistedIn(before) === 0 && unlistedIn(after) > 0;
  if (isFirstCut && is + unsettled * paths.length < most)
    broken(30, `shard ${after.index} leaves out differences, although it lists only ${is} of ${most}`);
}

function unlistedIn(shard: ShardView | null): number {
  return shard?.unlistedDifferences ?? 0;
}

function listedIn(shard: ShardView | null): number {
  const found = shard?.tally.differences.flatMap((counts) => COUNTERS.map(([, name]) => counts[name])) ?? [];
  return found.reduce((sum, count) => sum + count, 0) - unlistedIn(shard);
}

/** What may differ in the instance. */
function expectedOf(
  { moved }: CommitEvent,
  { instances }: Replay,
  run: JudgedRun,
  id: number,
  reads: readonly SeenInstance[],
): readonly (readonly Difference[])[] {
  if (!instances.has(id) || moved.includes(id)) return [[]];
  const lists = reads.map((seen) => (isUnreadable(run, seen) ? [] : differencesOf(run, seen)));
  return mayBeLost(run, id) ? [...lists, []] : lists;
}

type Difference = DifferencesView['differences'][number];

function differencesOf({ header }: JudgedRun, { id, task, rows, running }: SeenInstance) {
  const { paths, missing } = header.definition;
  return paths.flatMap(({ key, segments }) => {
    const [row, value] = [rows[key], (task.state === 'data' ? valueAt(task.value, segments) : null) ?? null];
    const stored = row?.value ?? null;
    const isWanted = value !== null || (missing === 'null' && !running);
    if (row === undefined) return isWanted ? [{ instanceId: id, key, code: 'ABSENT' }] : [];
    if (value !== null) return stored === value ? [] : [{ instanceId: id, key, code: 'DIFFERENT' }];
    return stored === null || running ? [] : [{ instanceId: id, key, code: 'ORPHANED' }];
  });
}
