import { isDeepStrictEqual } from 'node:util';
import type { OwnedKey } from './owner-record.js';
import { ownsKeys } from './run-definition.js';
import type { DroppedKey, KeyClaim, RunDefinition, RunHeader } from './run-record.js';
import { isActive, isComplete } from './run-state.js';

/** A key that a model update has removed, or reads from another path. */
export interface KeyUpdate {
  readonly key: string;
  /** `null`: removed. */
  readonly segments: readonly string[] | null;
}

/** The stored headers of runs that fill keys, by run id. A run that is not stored any more counts as completed. */
export type Fillers = ReadonlyMap<string, RunHeader>;

/** The claims of a run, in the order of its paths, and the keys of the model after these claims. */
export interface Claimed {
  readonly keys: readonly OwnedKey[];
  readonly claims: readonly KeyClaim[];
}

/** The keys of a model after an update. A key that no run has read yet needs no entry. */
export function updateKeys(
  keys: readonly OwnedKey[],
  updates: readonly KeyUpdate[],
  fillers: Fillers,
): readonly OwnedKey[] {
  const updated = new Map(updates.map(({ key, segments }) => [key, segments]));
  return keys.map((owned) => {
    const segments = updated.get(owned.key);
    // A key that no run owns may still be tried from some path. A new generation stops that trial.
    const isOnlyTried = owned.tried && owned.segments === null && owned.filler === null;
    const isSame = isDeepStrictEqual(segments, owned.segments) && !isOnlyTried;
    return segments === undefined || isSame ? owned : { ...handedOn(owned, segments, fillers), filler: null };
  });
}

/** The claims of a new run on its keys. A trial takes over none of them, and a dry run does not even mark them as tried. */
export function claimKeys(
  keys: readonly OwnedKey[],
  definition: RunDefinition,
  { runId, fillers }: { readonly runId: string; readonly fillers: Fillers },
): Claimed {
  const all = new Map(keys.map((owned) => [owned.key, owned]));
  const claims = ownedPaths(definition).map(({ key, segments }): KeyClaim => {
    const owned = all.get(key) ?? { ...NEVER_READ, key };
    const isSame = isDeepStrictEqual(segments, owned.segments);
    if (!ownsKeys(definition)) {
      if (!definition.dryRun) all.set(key, isSame ? owned : { ...owned, tried: true, verified: null });
      const { generation, filler, verified } = owned;
      return { generation, formerPaths: [], filler, verifier: verified?.runId ?? null };
    }
    // A trial of another path may still be resumed. A new generation stops it.
    const isKept = isSame && !owned.tried;
    const claimed = isKept
      ? { ...owned, formerPaths: formerPaths(owned, segments, fillers) }
      : handedOn(owned, segments, fillers);
    all.set(key, { ...claimed, filler: runId, verified: null });
    return { generation: claimed.generation, formerPaths: claimed.formerPaths };
  });
  return { keys: [...all.values()], claims };
}

const NEVER_READ: Omit<OwnedKey, 'key'> = {
  generation: 0,
  segments: null,
  filler: null,
  formerPaths: [],
  tried: false,
  verified: null,
};

function handedOn(owned: OwnedKey, segments: OwnedKey['segments'], fillers: Fillers): OwnedKey {
  const { generation } = owned;
  return {
    ...owned,
    generation: generation + 1,
    segments,
    formerPaths: formerPaths(owned, segments, fillers),
    tried: false,
    verified: null,
  };
}

function formerPaths(
  { key, segments, filler, formerPaths: earlier }: OwnedKey,
  next: OwnedKey['segments'],
  fillers: Fillers,
): OwnedKey['formerPaths'] {
  const run = filler === null ? undefined : fillers.get(filler);
  if (filler !== null && (run === undefined || (isComplete(run.state) && !hasDropped(run, key)))) return [];
  const all = filler === null || segments === null ? earlier : [...earlier, segments];
  return all.filter(
    (path, index) =>
      !isDeepStrictEqual(path, next) && all.findIndex((other) => isDeepStrictEqual(path, other)) === index,
  );
}

/** The updated keys that an unfinished run still owed. Otherwise nobody would fill them from their new path. */
export function owedKeys(
  keys: readonly OwnedKey[],
  updates: readonly KeyUpdate[],
  fillers: Fillers,
): ReadonlySet<string> {
  const changed = new Set(updates.flatMap(({ key, segments }) => (segments === null ? [] : [key])));
  const owed = keys.filter(({ key, filler }) => {
    const run = fillers.get(filler ?? '');
    if (run === undefined || !changed.has(key)) return false;
    return (isActive(run.state) || run.state === 'failed') && !hasDropped(run, key);
  });
  return new Set(owed.map(({ key }) => key));
}

/**
 * The keys of a run that somebody else has by now, because the run has an earlier generation of them. A dry run keeps all of its
 * keys: it does no harm.
 */
export function outdatedKeys({ definition, claims }: RunHeader, keys: readonly OwnedKey[]): DroppedKey[] {
  if (definition.dryRun) return [];
  const all = new Map(keys.map((owned) => [owned.key, owned]));
  return definition.paths.flatMap(({ key }, index) => {
    const owned = all.get(key);
    const isOutdated = owned !== undefined && owned.generation !== claims[index]?.generation;
    return isOutdated ? [{ key, takenBy: owned.filler }] : [];
  });
}

/** The keys of a run that a request or a model update reads from another path. A dry run keeps its keys. */
export function contestedKeys({ definition }: RunHeader, paths: readonly KeyUpdate[]): readonly string[] {
  if (definition.dryRun) return [];
  const others = new Map(paths.map(({ key, segments }) => [key, segments]));
  const contested = ownedPaths(definition).filter(({ key, segments }) => {
    const other = others.get(key);
    return other !== undefined && !isDeepStrictEqual(other, segments);
  });
  return contested.map(({ key }) => key);
}

/** Where a definition reads its keys from. */
export function ownedPaths({ paths }: RunDefinition): KeyUpdate[] {
  return paths.map(({ key, segments, mode }) => ({ key, segments: mode === 'remove' ? null : segments }));
}

/** The ids of the runs that a request has to look at, because it changes what they fill or because they may have completed. */
export function fillersOf(
  keys: readonly OwnedKey[],
  updates: readonly KeyUpdate[],
  paths: readonly KeyUpdate[],
): ReadonlySet<string> {
  const asked = new Map([...paths, ...updates].map(({ key, segments }) => [key, segments]));
  const updated = new Set(updates.map(({ key }) => key));
  const concerned = keys.filter(({ key, segments, formerPaths: earlier }) => {
    const isSame = isDeepStrictEqual(asked.get(key), segments);
    return asked.has(key) && (updated.has(key) || !isSame || earlier.length > 0);
  });
  return new Set(concerned.flatMap(({ filler }) => filler ?? []));
}

function hasDropped({ droppedKeys }: RunHeader, key: string): boolean {
  return droppedKeys.some((dropped) => dropped.key === key);
}
