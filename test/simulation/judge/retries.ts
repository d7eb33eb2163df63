import { isDeepStrictEqual } from 'node:util';
import { NO_KEY_LEFT } from '../../../src/service/retry-failed.js';
import { readFrom } from './judged-keys.js';
import type { JudgedCall, JudgedRun, Replay } from './judged-world.js';
import type { Judgement, Rules } from './judgement.js';

/**
 * 32. A retry requests exactly the instances that had failed in the last walk of its run, at most 10,000, and does with them what
 *    that run did. It leaves out the keys that others read from another path since, and no other ones.
 */
export const retryRules: Rules = {
  commit(event, { changes, world, broken }) {
    const call = world.calls.get(event.call);
    if (event.status !== 'committed' || call === undefined) return;
    for (const { header, run } of changes) {
      if (run !== null || header === null) continue;
      judgeRetry(world, call, header.after.definition, broken);
      judgeKeys(world, call, header.after.definition, broken);
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    if (call?.method !== 'retry-failed' || world.lostAt > call.startedAt) return;
    const { status, reason, runId, left } = Object(answer);
    const run = world.runs.get(String(runId));
    if (status === 'triggered' && run !== undefined) judgeRetry(world, call, run.header.definition, broken);
    if (left !== call.failedThen.size > MOST_INSTANCES) broken(32, `a retry answered left: ${left}`);
    if (String(reason).startsWith('No failures') && call.failedThen.size > 0)
      broken(32, `a retry found no failures, but ${call.failedThen.size} instances had failed`);
    const source = sourceOf(world, call);
    const isLeft = source?.header.definition.paths.some((path) => isOwn(world, source, path)) === true;
    if (reason === NO_KEY_LEFT && isLeft) broken(32, 'a retry found that no key is left, but one is');
  },
};

const MOST_INSTANCES = 10_000;

type Definition = JudgedRun['header']['definition'];

function sourceOf({ runs }: Replay, { method, argument }: JudgedCall): JudgedRun | undefined {
  return method === 'retry-failed' ? runs.get(String(argument.runId)) : undefined;
}

function judgeRetry(
  world: Replay,
  call: JudgedCall,
  { instanceIds, limit, ...definition }: Definition,
  broken: Judgement['broken'],
): void {
  const source = sourceOf(world, call);
  if (source === undefined || world.lostAt > call.startedAt) return;
  const ids = [...(instanceIds ?? [])].map(Number).sort((a, b) => a - b);
  const expected = [...call.failedThen].sort((a, b) => a - b);
  if (!isDeepStrictEqual(ids, expected))
    broken(32, `a retry requests [${ids.join(', ')}], but [${expected.join(', ')}] had failed`);
  const { missing, clear, dryRun } = source.header.definition;
  const isSame = definition.missing === missing && definition.clear === clear && definition.dryRun === dryRun;
  if (limit !== null || !isSame) broken(32, 'a retry does something else than its run');
}

function judgeKeys(
  world: Replay,
  call: JudgedCall,
  { paths, dryRun }: Definition,
  broken: Judgement['broken'],
): void {
  const source = sourceOf(world, call);
  if (source === undefined || world.lostAt > call.startedAt) return;
  for (const path of source.header.definition.paths) {
    const isRequested = paths.some((other) => isDeepStrictEqual(other, path));
    const { key } = path;
    if (!isRequested && isOwn(world, source, path)) broken(32, `a retry leaves "${key}" out`);
    if (isRequested && !dryRun && isTaken(world, source, path))
      broken(32, `a retry requests "${key}", which somebody has taken since`);
  }
}

type Path = Definition['paths'][number];

/** Whether nobody has requested or updated the key since the run did. */
function isOwn({ owners }: Replay, { header, createdAt }: JudgedRun, { key }: Path): boolean {
  return (owners.get(key)?.at ?? -1) <= createdAt && !header.droppedKeys.includes(key);
}

function isTaken({ owners }: Replay, { header, createdAt }: JudgedRun, path: Path): boolean {
  const owner = owners.get(path.key);
  const isSince = owner !== undefined && owner.at > createdAt;
  return (
    header.droppedKeys.includes(path.key) || (isSince && !isDeepStrictEqual(owner.segments, readFrom(path)))
  );
}
