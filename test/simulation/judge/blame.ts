import type { CommitEvent, HistoryEvent } from '../history.js';
import { REFUSED_VALUE } from '../world/poison.js';
import { isPoisoned } from '../world/simulated-store.js';
import type { JudgedCall, JudgedRun, Replay } from './judged-world.js';
import { type Judgement, passedOver, type Rules, type ShardChange, whoOf } from './judgement.js';

/**
 * 1. Where a refusal proves nothing, an instance fails only if another one goes through in the same commit. At the end of its
 *    shard, a rolled-back write right before is enough. A single one may fail there if the run has written values.
 *    The instance is tried again after that, because the refusal may come from an outage.
 * 15. No job stops at such an instance while its batch has one that would go through, or while the shard has one to which a value
 *     could be written again. After a batch was too slow, later batches are smaller.
 */
export const blameRules: Rules = {
  commit(event, { world, changes, broken }) {
    const call = world.calls.get(event.call);
    if (call === undefined) return;
    for (const { run, shards } of changes) {
      if (run === null || !world.rules.needsWitness) continue;
      for (const shard of shards) {
        const blamed = blamedIn(event, shard, call).filter((id) => !call.accused.has(id));
        const [first] = blamed;
        if (first !== undefined && !hasWitness(event, blamed, call, { run, shard }, world))
          broken(1, `${whoOf(call)} blamed instance ${first}, although no other one had gone through`);
        const doubted = blamed.find((id) => call.refused.get(id)?.is === 'doubted');
        if (doubted !== undefined)
          broken(1, `${whoOf(call)} blamed instance ${doubted}, which was not tried again after another one`);
      }
    }
    const known = sizeKnownTo(call, event, world);
    const size = countOnPages(event, world);
    // Where instances fail together with the one that proves it, nothing else is written. At the end of a shard, nothing at all.
    const isProof =
      call.refused.size > 0 && event.instances.filter(({ values }) => values.length > 0).length <= 1;
    // What a job that was overtaken had left behind cannot be told from the checkpoint that is stored by now.
    const isOvertaken = event.status === 'conflict';
    if (size > 1 && size >= known && !isProof && !isOvertaken) {
      broken(15, `${whoOf(call)} commits ${size} instances, although a batch of ${known} was too slow`);
    }
  },

  throw(event, judgement) {
    judgeEnd(event, judgement);
  },
};

/** How many instances of a commit come from pages. Those that were left behind before count for no size. */
export function countOnPages({ expected, instances }: CommitEvent, { runs }: Pick<Replay, 'runs'>): number {
  const [runId = '', index] = (expected[0]?.id ?? '').split('_');
  const behind = new Set(
    runs
      .get(runId)
      ?.shards.get(Number(index))
      ?.behind.map(({ id }) => id),
  );
  return instances.filter(({ id }) => !behind.has(id)).length;
}

/** The instances that have failed by this commit, because they were refused alone. */
export function blamedIn(event: CommitEvent, shard: ShardChange, call: JudgedCall): readonly number[] {
  if (shard.before === null || shard.after.tally.failed === shard.before.tally.failed) return [];
  const unnamed = passedOver(event, shard, call).filter(({ isPassedOver }) => !isPassedOver);
  const candidates = [...event.instances, ...unnamed.map(({ id }) => ({ id, values: [] }))];
  const blamed = candidates.filter(({ id, values }) => {
    const refusal = call.refused.get(id);
    if (refusal === undefined) return false;
    const isReadSince = call.seen.get(id)?.some(({ at }) => at > refusal.at) === true;
    return !isReadSince && [...refusal.keys].some((key) => !values.some((value) => value.key === key));
  });
  return blamed.map(({ id }) => id);
}

/** One that is written in the same commit. Or, if no more are left of the shard, one that went through between two refusals. */
function hasWitness(
  event: CommitEvent,
  blamed: readonly number[],
  { refused }: JudgedCall,
  { run, shard }: { readonly run: JudgedRun; readonly shard: ShardChange },
  { instances }: Replay,
): boolean {
  const isBeside = event.instances.some(({ id, values }) => !blamed.includes(id) && values.length > 0);
  if (isBeside) return true;
  const { after: checkpoint, upTo } = shard.after;
  const isLast = ![...instances.values()].some(
    ({ processModelId, cursor, rows }) =>
      processModelId === run.processModelId &&
      rows.size === 0 &&
      cursor > (checkpoint ?? -1) &&
      cursor <= (upTo ?? -1),
  );
  const hasWritten = [...run.shards.values()].some(({ tally }) =>
    tally.keys.some(({ written }) => written > 0),
  );
  const isOnlyOne = blamed.length === 1 && hasWritten;
  return isLast && (isOnlyOne || blamed.every((id) => refused.get(id)?.is === 'confirmed'));
}

/** The size of a batch that was too slow, if this commit could know it. */
function sizeKnownTo(call: JudgedCall, { expected, instances }: CommitEvent, world: Replay): number {
  const record = expected[0]?.id ?? '';
  const own = call.tooSlow.get(record);
  if (own !== undefined) {
    const isNew = instances.some(({ id }) => (call.seen.get(id)?.at(-1)?.at ?? 0) > own.at);
    return isNew ? own.size : Number.POSITIVE_INFINITY;
  }
  const stored = world.tooSlow.get(record);
  return stored !== undefined && call.startedAt > stored.at ? stored.size : Number.POSITIVE_INFINITY;
}

/** Only if nothing else can have disturbed the experiments of the job. */
function judgeEnd(
  { call: id, message }: Extract<HistoryEvent, { readonly type: 'throw' }>,
  { world, broken }: Judgement,
): void {
  const call = world.calls.get(id);
  if (call === undefined || !world.rules.needsWitness || !message.includes(REFUSED_VALUE)) return;
  const isDisturbed = call.commitFaults > 0 || call.conflicts > 0 || call.isAborted || call.hasMetWriters;
  // A batch that is too large for the store may be one that has no smaller proof.
  if (isDisturbed || call.tooSlow.size > 0) return;
  const [suspect] = [...call.refused].toSorted(([, a], [, b]) => b.at - a.at)[0] ?? [];
  const batch = suspect === undefined ? [] : (call.batches.get(suspect) ?? []);
  const place = batch.findIndex(({ id }) => id === suspect);
  // One that was before it is committed already. A null can then not be written again as a proof.
  const witness = batch.find(
    ({ values }, index) =>
      values.length > 0 &&
      !values.some(isPoisoned) &&
      (index > place || values.some(({ value = null }) => value !== null)),
  );
  if (witness !== undefined)
    broken(
      15,
      `${whoOf(call)} stopped at instance ${suspect}, although ${witness.id} of its batch goes through`,
    );
  const rewritten = witness === undefined && call.refused.size <= FEW ? writtenBefore(call, world) : null;
  if (rewritten !== null)
    broken(15, `${whoOf(call)} stopped at instance ${suspect}, although ${rewritten} could be written again`);
}

/** More than this, at the end of a shard, look like a fault of the database. */
const FEW = 5;

/** An instance that got the last value of its shard, if it has one still. */
function writtenBefore({ argument, refused }: JudgedCall, { runs, instances }: Replay): number | null {
  const run = runs.get(String(argument.runId));
  const keys = run?.header.definition.paths.map(({ key }) => key) ?? [];
  const found = [...(run?.lastWritten.values() ?? [])].find((id) => {
    if (refused.has(id)) return false;
    const instance = instances.get(id);
    const row = keys.map((key) => instance?.rows.get(key)).find((stored) => (stored?.value ?? null) !== null);
    return instance?.processModelId === run?.processModelId && row !== undefined && !isPoisoned(row);
  });
  return found ?? null;
}
