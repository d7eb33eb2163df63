import type { JsonValue } from '../../../src/extraction/json-value.js';
import type { CommitEvent, SeenInstance, TaskState, WrittenRow } from '../history.js';
import { valueAt } from '../world/extraction.js';
import { isFromPath } from './judged-keys.js';
import type { JudgedCall, JudgedRun, Replay } from './judged-world.js';
import { passedOver, type Rules, settledBy, whoOf } from './judgement.js';
import { isUnreadable, mayBeLost } from './outcomes.js';

/**
 * 9. Removal deletes only the row that was read. Fill writes only where there is no row or a null row. Overwrite replaces only the row that was read. Null replaces
 *    nothing, and no row is deleted, unless the run clears: then only the very row that was read.
 * 10. The values written are those in the task data at the time of the commit, and all of them. A run that clears leaves no
 *    value whose path finds nothing.
 * 24. A processed instance with a value in its task data has a row, or failed. An instance that was saved since it was read
 *    is left behind, and fails after five reads of its own. Nobody is forgotten.
 * 21. In an instance that was processed, no value is left that only the former path of a key gives, from which a run has read
 *    it that has not completed.
 * 11. A dry run writes nothing. Deleted instances get no metadata. Running instances get no null rows, and none of their values is cleared.
 */
export const valueRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    const { changes, world, broken } = judgement;
    const run = changes.find((change) => change.run !== null)?.run;
    const call = world.calls.get(event.call);
    if (run == null || call === undefined) return;
    if (run.header.definition.dryRun) {
      if (event.written.length > 0) broken(11, `${whoOf(call)} wrote values in a dry run`);
      if (event.instances.some(({ values }) => values.length > 0))
        broken(11, `${whoOf(call)} gave values to a commit of a dry run`);
      return;
    }
    for (const seen of changes.flatMap(({ shards }) =>
      shards.flatMap((shard) => passedOver(event, shard, call)),
    )) {
      const problems = problemsOfOtherKeys({ event, world, run, call, rows: [], seen });
      for (const [invariant, message] of problems) if (invariant === 21) broken(invariant, message);
    }
    for (const { id } of settledBy(event, changes)) {
      const seen = call.seen.get(id) ?? [];
      const rows = event.written.filter((row) => row.id === id);
      if (seen.length === 0 && rows.length > 0)
        broken(9, `${whoOf(call)} wrote to instance ${id}, which it has not read`);
      // The commit is right if it fits any of the reads.
      let problems: readonly Problem[] = [];
      for (const { instance } of seen) {
        problems = problemsOf({ event, world, run, call, rows, seen: instance });
        if (problems.length === 0) break;
      }
      for (const [invariant, message] of problems) broken(invariant, message);
    }
  },
};

type Problem = readonly [invariant: number, message: string];

interface Written {
  readonly event: CommitEvent;
  readonly world: Replay;
  readonly run: JudgedRun;
  readonly call: JudgedCall;
  /** The rows written for one instance. */
  readonly rows: readonly WrittenRow[];
  readonly seen: SeenInstance;
}

function problemsOf(written: Written): Problem[] {
  return [...written.rows.flatMap((row) => problemsOfRow(written, row)), ...problemsOfOtherKeys(written)];
}

function problemsOfRow({ world, run, call, seen }: Written, { id, key, row }: WrittenRow): Problem[] {
  const { rules } = world;
  const instance = world.instances.get(id);
  const path = run.header.definition.paths.find((one) => one.key === key);
  const did = row === null ? 'deleted' : `wrote ${JSON.stringify(row.value)} as`;
  const what = `${whoOf(call)} ${did} "${key}" of instance ${id}`;
  if (instance === undefined) return [[11, `${what}, which is deleted`]];
  if (instance.processModelId !== run.processModelId) return [[11, `${what}, which is of another model`]];
  if (path === undefined) return [[9, `${what}, a key that was not requested`]];
  const problems: Problem[] = [];
  const stored = instance.rows.get(key);
  const seenRow = seen.rows[key];
  const instead = `over ${JSON.stringify(stored?.value)}`;
  const hasValue = (stored?.value ?? null) !== null;
  const isSame = rules.tokens ? stored?.token === seenRow?.token : stored?.value === seenRow?.value;
  if (path.mode === 'remove') {
    if (row !== null) return [[9, `${what}, a key that is to be removed`]];
    return stored !== undefined && isSame ? [] : [[9, `${what}, ${instead}, which it has not read`]];
  }
  const { missing, clear } = run.header.definition;
  const task = rules.versions ? instance.task : seen.task;
  const isFormer = hasValue && isFromPath(stored?.value, task, run.formerPaths.get(key)?.all ?? []);
  if (row === null || row.value === null) {
    const clears = row === null || stored !== undefined;
    if (clears && !((clear && path.mode === 'overwrite' && hasValue) || isFormer))
      problems.push([9, `${what}, ${instead}, which it must not clear`]);
    else if (clears && !isSame) problems.push([9, `${what}, ${instead}, which it has not read`]);
    if (instance.running) problems.push([11, `${what}, which is still running`]);
    if ((row === null) !== (missing === 'omit'))
      problems.push([9, `${what}, although the run ${row === null ? 'writes null' : 'writes no null'} rows`]);
  } else if (path.mode === 'fill' && !isFormer) {
    if (hasValue) problems.push([9, `${what}, ${instead}`]);
  } else if (hasValue) {
    if (!isSame) problems.push([9, `${what}, ${instead}, which it has not read`]);
  } else if ((seenRow?.value ?? null) !== null) {
    problems.push([9, `${what}, although that row was deleted since the read`]);
  }
  const expected = extracted(task, path.segments) ?? null;
  if ((row?.value ?? null) !== expected)
    problems.push([10, `${what}, but the task data has ${JSON.stringify(expected)}`]);
  return problems;
}

/** A processed instance has every value of its task data. */
function problemsOfOtherKeys({ event, world, run, call, rows, seen }: Written): Problem[] {
  const { id } = seen;
  const instance = world.instances.get(id);
  if (instance === undefined || call.refused.has(id) || isUnreadable(run, seen)) return [];
  if (event.moved.includes(id) || mayBeLost(run, id)) return []; // it has failed
  const { paths, missing, clear } = run.header.definition;
  return paths.flatMap(({ key, segments, mode }): Problem[] => {
    if (run.header.droppedKeys.includes(key)) return [];
    const seenRow = seen.rows[key];
    const stored = instance.rows.get(key);
    const written = rows.find((row) => row.key === key);
    const now = written === undefined ? stored : written.row;
    const isUnchanged = stored !== undefined && stored.token === seenRow?.token;
    if (mode === 'remove')
      return isUnchanged && now !== null
        ? [[10, `instance ${id} was processed and still has a row "${key}"`]]
        : [];
    const task = world.rules.versions ? instance.task : seen.task;
    const inData = extracted(task, segments) ?? null;
    const isLeftOver = isUnchanged && (now?.value ?? null) !== null && now?.value !== inData;
    const isToRemain = inData === null && seen.running;
    if (isLeftOver && !isToRemain && isFromPath(now?.value, task, run.formerPaths.get(key)?.open ?? []))
      return [
        [
          21,
          `instance ${id} was processed and still has ${JSON.stringify(now?.value)} as "${key}", from a former path`,
        ],
      ];
    if (inData === null) {
      const isWanted = missing === 'null' && !seen.running && seenRow === undefined;
      if (isWanted && now === undefined)
        return [[10, `instance ${id} was processed and has no row "${key}"`]];
      const isToGo = clear && mode === 'overwrite' && !seen.running && isUnchanged;
      const isLeft = isToGo && (now?.value ?? null) !== null;
      return isLeft ? [[10, `instance ${id} was processed and still has a value as "${key}"`]] : [];
    }
    const value = now?.value ?? null;
    const what = `instance ${id} was processed and has ${JSON.stringify(value)} as "${key}", not ${JSON.stringify(inData)}`;
    const wasEmpty = (seenRow?.value ?? null) === null;
    const isWrong = (wasEmpty && value === null) || (mode === 'overwrite' && isUnchanged && value !== inData);
    return isWrong ? [[value === null ? 24 : 10, what]] : [];
  });
}

function extracted(task: TaskState, segments: readonly string[]): JsonValue | undefined {
  return task.state === 'data' ? valueAt(task.value, segments) : undefined;
}
