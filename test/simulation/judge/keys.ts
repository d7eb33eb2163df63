import { isDeepStrictEqual } from 'node:util';
import type { HeaderView } from '../read-record.js';
import { ownersAfter, readFrom } from './judged-keys.js';
import { isActive, type JudgedRun } from './judged-world.js';
import { type Judgement, ownsKeys, type Rules, type RunChange } from './judgement.js';

/**
 * 18. No value is written from a path that a committed request or model update had replaced before.
 * 19. No two active runs over all instances read one key from different paths.
 * 20. A key that a run has dropped has a newer owner, or was removed. What an unfinished run still owed is owed by another one.
 */
export const keyRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    const { changes, world, broken } = judgement;
    const batch = changes.find(({ run }) => run !== null)?.run;
    for (const { key } of batch == null ? [] : event.written) {
      const path = batch?.header.definition.paths.find((one) => one.key === key);
      const owner = world.owners.get(key);
      if (owner === undefined || batch == null || path === undefined || owner.at <= batch.createdAt) continue;
      if (!isDeepStrictEqual(owner.segments, readFrom(path)))
        broken(
          18,
          `a run wrote "${key}" from ${nameOf(readFrom(path))}, which ${nameOf(owner.segments)} had replaced`,
        );
    }
    if (changes.every(({ header }) => header === null)) return;
    judgeActiveRuns(judgement);
    const owners = ownersAfter(event, changes, world.calls.get(event.call));
    for (const change of changes) judgeDroppedKeys(judgement, change, owners);
  },
};

function judgeActiveRuns({ changes, world, broken }: Judgement): void {
  const headers = new Map<string, HeaderView>([...world.runs].map(([runId, { header }]) => [runId, header]));
  for (const { runId, header } of changes) if (header !== null) headers.set(runId, header.after);
  const paths = new Map<string, readonly string[] | null>();
  for (const header of headers.values()) {
    if (!isActive(header.state) || !ownsKeys(header)) continue;
    for (const { key, ...path } of header.definition.paths) {
      if (header.droppedKeys.includes(key)) continue;
      const segments = readFrom(path);
      const other = paths.get(key);
      if (other !== undefined && !isDeepStrictEqual(other, segments))
        broken(19, `two active runs read "${key}", from ${nameOf(other)} and from ${nameOf(segments)}`);
      paths.set(key, segments);
    }
  }
}

function judgeDroppedKeys(
  judgement: Judgement,
  { run, header }: RunChange,
  changed: ReturnType<typeof ownersAfter>,
): void {
  const { world, broken } = judgement;
  if (run === null || header === null) return;
  for (const key of header.after.droppedKeys) {
    if (run.header.droppedKeys.includes(key)) continue;
    const owner = world.owners.get(key);
    const isLater = owner !== undefined && owner.at > run.createdAt;
    if (!changed.has(key) && !isLater)
      broken(20, `a run has dropped "${key}", which nobody else has taken since`);
    const segments = changed.get(key)?.segments ?? null;
    if (segments !== null && ownsKeys(run.header) && !isFilled(judgement, run, key, segments))
      broken(20, `a run has dropped "${key}", and nobody fills it from ${segments.join('.')}`);
  }
}

/** Whether a run fills the key from its new path, or has filled it from the old one since. */
function isFilled(
  { world, changes }: Judgement,
  { createdAt, runId }: JudgedRun,
  key: string,
  segments: readonly string[],
): boolean {
  const others = [...world.runs.values()].filter((other) => other.runId !== runId && ownsKeys(other.header));
  const headers = new Map(others.map((other) => [other.runId, other.header]));
  for (const change of changes) if (change.header !== null) headers.set(change.runId, change.header.after);
  const pathOf = ({ definition }: HeaderView) => {
    const path = definition.paths.find((one) => one.key === key);
    return path === undefined ? undefined : readFrom(path);
  };
  const isFiller = (header: HeaderView): boolean =>
    isDeepStrictEqual(pathOf(header), segments) && !header.droppedKeys.includes(key) && ownsKeys(header);
  const isLater = (other: JudgedRun): boolean =>
    other.createdAt > createdAt && pathOf(other.header) !== undefined;
  return [...headers.values()].some(isFiller) || others.some(isLater);
}

function nameOf(segments: readonly string[] | null): string {
  return segments?.join('.') ?? 'nowhere';
}
