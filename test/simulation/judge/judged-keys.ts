import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../../src/extraction/json-value.js';
import type { CommitEvent, TaskState } from '../history.js';
import { libraryRecords } from '../read-record.js';
import { valueAt } from '../world/extraction.js';
import {
  type FormerPaths,
  isComplete,
  type JudgedCall,
  type JudgedOwner,
  type JudgedRun,
  type JudgedTouch,
} from './judged-world.js';
import { isTrial, ownsKeys, type RunChange } from './judgement.js';

type Path = readonly string[];

/** Where a run reads a key. `null`: it removes the key. */
export function readFrom({
  segments,
  mode,
}: {
  readonly segments: Path;
  readonly mode: string;
}): Path | null {
  return mode === 'remove' ? null : segments;
}

/** The keys whose owner a commit has changed: by a new run, or by the model update that its call was asked for. */
export function ownersAfter(
  { records, status }: CommitEvent,
  changes: readonly RunChange[],
  call: JudgedCall | undefined,
): ReadonlyMap<string, Omit<JudgedOwner, 'at'>> {
  const owners = new Map<string, Omit<JudgedOwner, 'at'>>();
  if (status !== 'committed') return owners;
  if (call?.method === 'request' && records.some(libraryRecords.isOwners))
    for (const { key, segments } of updatedKeys(call)) owners.set(key, { segments });
  for (const { header } of changes) {
    if (header === null || header.before !== null || !ownsKeys(header.after)) continue;
    for (const path of header.after.definition.paths) owners.set(path.key, { segments: readFrom(path) });
  }
  return owners;
}

/**
 * The keys that a commit requests for the whole model, removes, reads from another path, or tries from another path. `tried`:
 * only the last. A key that is requested again from its own path counts.
 */
export function touchedKeys(
  event: CommitEvent,
  changes: readonly RunChange[],
  call: JudgedCall | undefined,
  owners: ReadonlyMap<string, JudgedOwner>,
): ReadonlyMap<string, Omit<JudgedTouch, 'at'>> {
  const touched = new Map<string, Omit<JudgedTouch, 'at'>>();
  const created = changes.flatMap(({ run, header }) =>
    run === null && header !== null ? [header.after] : [],
  );
  const isOther = (key: string, path: Path | null): boolean =>
    !isDeepStrictEqual(owners.get(key)?.segments ?? null, path);
  for (const [key, { segments }] of ownersAfter(event, changes, call)) {
    const isRequested = created.some(
      (header) => ownsKeys(header) && header.definition.paths.some((path) => path.key === key),
    );
    if (isRequested || isOther(key, segments)) touched.set(key, { tried: false });
  }
  for (const { definition } of created.filter((header) => isTrial(header) && !header.definition.dryRun))
    for (const path of definition.paths)
      if (isOther(path.key, readFrom(path))) touched.set(path.key, { tried: true });
  return event.status === 'committed' ? touched : new Map();
}

/** The keys of a model update that had nothing to change, because the keys are read from there already, or by nobody. */
export function updatedWithoutCommit(
  call: JudgedCall,
  owners: ReadonlyMap<string, JudgedOwner>,
): ReadonlyMap<string, JudgedOwner> {
  if (call.method !== 'request') return new Map();
  const others = updatedKeys(call).filter(({ key }) => (owners.get(key)?.at ?? -1) < call.startedAt);
  return new Map(others.map(({ key, segments }) => [key, { segments, at: call.startedAt }]));
}

/** The keys that a model update has removed, or reads from another path. */
function updatedKeys({ argument }: JudgedCall): { readonly key: string; readonly segments: Path | null }[] {
  const { before, after } = argument as Readonly<
    Record<string, readonly { key: string; path: string }[] | undefined>
  >;
  return (before ?? []).flatMap(({ key, path }) => {
    const now = after?.find((other) => other.key === key);
    if (now?.path === path) return [];
    return [{ key, segments: now?.path.split('.') ?? null }];
  });
}

/** A trial takes no key from another run, and leaves its rows alone. */
export function formerPathsOf(
  { header, processModelId }: Pick<JudgedRun, 'header' | 'processModelId'>,
  runs: Iterable<JudgedRun>,
): ReadonlyMap<string, FormerPaths> {
  const earlier = [...runs].filter((run) => run.processModelId === processModelId && ownsKeys(run.header));
  const byKey = new Map<string, FormerPaths>();
  if (!ownsKeys(header)) return byKey;
  for (const { key, ...own } of header.definition.paths) {
    const all: Path[] = [];
    let open: Path[] = [];
    for (const run of earlier.sort((a, b) => a.createdAt - b.createdAt)) {
      const path = run.header.definition.paths.find((one) => one.key === key);
      if (path === undefined) continue;
      const other = readFrom(path);
      const hasCompleted = isComplete(run.header.state) && !run.header.droppedKeys.includes(key);
      if (hasCompleted) open = [];
      if (other === null || isDeepStrictEqual(other, readFrom(own))) continue;
      all.push(other);
      if (!hasCompleted) open.push(other);
    }
    byKey.set(key, { all, open });
  }
  return byKey;
}

/** Whether a value is what one of the paths gives. */
export function isFromPath(
  value: JsonValue | undefined,
  task: TaskState,
  paths: readonly (readonly string[])[],
): boolean {
  if (task.state !== 'data') return false;
  return paths.some((segments) => (valueAt(task.value, segments) ?? null) === (value ?? null));
}
