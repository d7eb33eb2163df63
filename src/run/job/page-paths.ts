import type { PagePath } from '../../ports/repository.js';
import type { DefinedPath, RunHeader } from '../record/run-record.js';

/** A path of a run, with the paths that earlier runs, which have not completed, have read its key from. */
export interface ReadPath extends DefinedPath {
  readonly formerPaths: readonly (readonly string[])[];
}

export function readPathsOf({ definition, claims }: RunHeader): ReadPath[] {
  return definition.paths.map((path, index) => ({ ...path, formerPaths: claims[index]?.formerPaths ?? [] }));
}

/**
 * The paths of a page: those of the run, then the former paths, under keys that no metadata has. A key that has former paths
 * or is removed gets the mode `overwrite`, so that the page returns its stored value.
 */
export function pagePaths(paths: readonly ReadPath[]): PagePath[] {
  const own = paths.map(
    ({ key, segments, mode, formerPaths }): PagePath => ({
      key,
      segments,
      mode: mode === 'fill' && formerPaths.length === 0 ? 'fill' : 'overwrite',
    }),
  );
  const former = paths.flatMap(({ key, formerPaths }) =>
    formerPaths.map(
      (segments, index): PagePath => ({
        key: formerKey(key, index),
        segments,
        mode: 'overwrite',
      }),
    ),
  );
  return [...own, ...former];
}

/** A control character is refused in the key of an extraction path. */
export function formerKey(key: string, index: number): string {
  return `${key}\u0001${index}`;
}
