import type { JsonValue } from '../../../extraction/json-value.js';
import { valueAt } from '../extraction.js';
import type { CommitEvent, TaskState, WrittenRow } from '../history.js';
import { isFailure } from './outcomes.js';
import { type Judgement, type Rules, whoOf } from './judgement.js';
import type { JudgedCall, JudgedRun } from './replay.js';

/**
 * 9. Fill replaces absent rows and null rows only; overwrite only the row that was seen; null replaces nothing.
 * 10. What is written is what the data holds at that moment, and nothing that it holds is left out.
 * 11. No metadata for deleted instances, and no null rows for those that still run.
 */
export const valueRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed' || event.instances.length === 0) return;
    const run = judgement.changes.find((change) => change.run !== null)?.run;
    const call = judgement.world.calls.get(event.call);
    if (run == null || call === undefined) return;
    for (const row of event.written) judgeRow(judgement, run, call, row);
    judgeTakenOver(event, judgement, run);
    for (const { id } of event.instances) judgeWhatIsLeft(event, judgement, run, call, id);
  },
};

function judgeRow({ world, broken }: Judgement, run: JudgedRun, call: JudgedCall, { id, key, row }: WrittenRow): void {
  const { rules } = world;
  const instance = world.instances.get(id);
  const seen = call.seen.get(id)?.instance;
  const path = run.header.definition.paths.find((known) => known.key === key);
  const what = `${whoOf(call)} wrote ${JSON.stringify(row.value)} as "${key}" of instance ${id}`;
  if (instance === undefined) return broken(11, `${what}, which is deleted`);
  if (instance.processModelId !== run.processModelId) return broken(11, `${what}, which is of another model`);
  if (path === undefined) return broken(9, `${what}, a key that is not asked for`);
  if (seen === undefined) return broken(9, `${what}, which it has not read`);
  const stored = instance.rows.get(key);
  const seenRow = seen.rows[key];
  const had = (stored?.value ?? null) !== null;
  if (row.value === null) {
    if (stored !== undefined) broken(9, `${what}, in place of ${JSON.stringify(stored.value)}`);
    if (instance.running) broken(11, `${what}, which is still running`);
    if (run.header.definition.missing === 'omit') broken(9, `${what}, although null rows are not wanted`);
  } else if (path.mode === 'fill') {
    if (had) broken(9, `${what}, in place of ${JSON.stringify(stored?.value)}`);
  } else if (had) {
    const isSame = rules.tokens ? stored?.token === seenRow?.token : stored?.value === seenRow?.value;
    if (!isSame) broken(9, `${what}, in place of ${JSON.stringify(stored?.value)}, which it has not seen`);
  } else if ((seenRow?.value ?? null) !== null) {
    broken(9, `${what}, and so put back a row that was deleted since`);
  }
  const expected = extracted(rules.versions ? instance.task : seen.task, path.segments) ?? null;
  if (row.value !== expected) broken(10, `${what}, but its data holds ${JSON.stringify(expected)}`);
}

/** An older run has left a key to a newer request that reads it elsewhere. */
function judgeTakenOver({ written }: CommitEvent, { world, broken }: Judgement, run: JudgedRun): void {
  for (const { key } of written) {
    const own = JSON.stringify(run.header.definition.paths.find((path) => path.key === key)?.segments);
    if (run.answeredAt === null || run.wasRevived) return;
    for (const newer of world.runs.values()) {
      if (newer.answeredAt === null || newer.requestedAt === null || newer.requestedAt < run.answeredAt) continue;
      const { paths, limit, instanceIds } = newer.header.definition;
      if (newer === run || limit !== null || instanceIds !== null) continue;
      const other = paths.find((path) => path.key === key);
      if (other !== undefined && JSON.stringify(other.segments) !== own) {
        broken(9, `a run wrote "${key}", which a newer request reads elsewhere`);
      }
    }
  }
}

/** Whether a processed instance has everything now that its data holds. */
function judgeWhatIsLeft(
  event: CommitEvent,
  { world, broken }: Judgement,
  run: JudgedRun,
  call: JudgedCall,
  id: number,
): void {
  const instance = world.instances.get(id);
  const seen = call.seen.get(id)?.instance;
  if (instance === undefined || seen === undefined || isFailure(run, call, id)) return;
  // Its live writer was faster each time: it is left to that.
  if ((call.stale.get(id) ?? 0) >= 3) return;
  const { paths, missing } = run.header.definition;
  for (const { key, segments, mode } of paths) {
    if (run.header.dropped.includes(key)) continue;
    const stored = instance.rows.get(key);
    const seenValue = seen.rows[key]?.value ?? null;
    const now = written(event, id, key) ?? stored;
    const held = extracted(world.rules.versions ? instance.task : seen.task, segments);
    if ((held ?? null) === null) {
      const wantsNull = missing === 'null' && !seen.running && seen.rows[key] === undefined;
      if (wantsNull && now === undefined) broken(10, `instance ${id} was processed and has no row "${key}"`);
      continue;
    }
    if (seenValue === null && (now?.value ?? null) === null) {
      broken(10, `instance ${id} was processed without "${key}", which is ${JSON.stringify(held)}`);
    }
    const isUnchanged = stored !== undefined && stored.token === seen.rows[key]?.token;
    if (mode === 'overwrite' && isUnchanged && now?.value !== held) {
      broken(10, `instance ${id} was processed and still has ${JSON.stringify(now?.value)} as "${key}", not ${JSON.stringify(held)}`);
    }
  }
}

function written(event: CommitEvent, id: number, key: string): WrittenRow['row'] | undefined {
  return event.written.find((row) => row.id === id && row.key === key)?.row;
}

function extracted(task: TaskState, segments: readonly string[]): JsonValue | undefined {
  return task.state === 'data' ? valueAt(task.value, segments) : undefined;
}
