import type { z } from 'zod';
import { InvalidExtractionPathsError, InvalidInputError } from '../../errors.js';
import {
  type ExtractionPath,
  type ParsedPath,
  parsePaths,
  unkeptProblem,
} from '../../extraction/extraction-path.js';
import {
  expecting,
  type Fields,
  isStorable,
  nonBlank,
  oneOf,
  trueOrFalse,
  wholeNumber,
} from '../../input/parse-input.js';
import type { BackfillMode, BackfillRepository, InstanceId } from '../../ports/repository.js';
import { DEFAULT_LISTED_DIFFERENCES } from '../record/difference-counts.js';
import type { RunDefinition } from '../record/run-record.js';

/** What a new run does. Stored with the run and never changed. */
export interface DefinitionOptions<Key extends string = string> {
  readonly processModelId: string;
  readonly paths: readonly ExtractionPath<Key>[];
  /**
   * `fill` writes where there is no value. `overwrite` also replaces values that differ. `remove` deletes the rows of the keys,
   * also those of running instances, and does not read the paths; the repository must declare `deletes`. @default 'fill'
   */
  readonly mode?: BackfillMode | undefined;
  /** Whether a key with nothing in the task data gets a null row. @default 'null', or 'omit' if the repository stores no null */
  readonly missing?: 'null' | 'omit' | undefined;
  /**
   * Whether a stored value that the path no longer finds is set to null, or deleted with `missing: 'omit'`. Only with the
   * mode `overwrite`. Running instances keep theirs. @default false
   */
  readonly clear?: boolean | undefined;
  /** The most instances to walk, from the oldest on. @default all */
  readonly limit?: number | undefined;
  /** Only these instances, at most 10,000. @default all */
  readonly instanceIds?: readonly InstanceId[] | undefined;
  /** The run fails when more instances than this have failed. @default no limit */
  readonly maxFailures?: number | undefined;
  /** The most ranges to split the instances into, from 1 to 100, each with jobs and checkpoints of its own. @default 1 */
  readonly shards?: number | undefined;
  /**
   * Reads and counts, but writes no value, owns no key and takes none over. A request stores such a run as any other. A call of
   * `runBackfill` stores nothing. @default false
   */
  readonly dryRun?: boolean | undefined;
  /**
   * What a stored dry run keeps of each difference that it finds. `keys`: instance, key and kind. `values`: also what is stored
   * and what would be, 200 characters each, which may be personal data.
   * @default 'keys'
   */
  readonly differences?: 'keys' | 'values' | undefined;
  /**
   * The most differences that each shard of a stored dry run keeps, up to 1,000,000. All are counted, and `warnings` says if some
   * are not kept. @default 100_000
   */
  readonly maxListedDifferences?: number | undefined;
}

/** Any list with something in it. `parsePaths` finds what is wrong with its entries. */
const anyPaths: z.ZodType<readonly ExtractionPath[]> = expecting(
  'at least one { key, path }',
  (value) => Array.isArray(value) && value.length > 0,
);

/** What a definition is about. */
export const targetFields: Fields<Pick<DefinitionOptions, 'processModelId' | 'paths'>> = {
  processModelId: nonBlank,
  paths: anyPaths,
};

export const definitionFields: Fields<Omit<DefinitionOptions, 'processModelId' | 'paths'>> = {
  mode: oneOf('fill', 'overwrite', 'remove').optional(),
  missing: oneOf('null', 'omit').optional(),
  clear: trueOrFalse.optional(),
  limit: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
  instanceIds: expecting<readonly InstanceId[]>(
    '1 to 10,000 ids, each a number within ±9007199254740991 or a string without NUL and without half of a surrogate pair',
    isIdList,
  ).optional(),
  maxFailures: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  shards: wholeNumber(1, 100).optional(),
  dryRun: trueOrFalse.optional(),
  differences: oneOf('keys', 'values').optional(),
  maxListedDifferences: wholeNumber(0, 1_000_000).optional(),
};

/**
 * The definition that these options make, with every default filled in.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 * @throws {InvalidInputError} when the repository cannot store what is asked for.
 */
export function definitionOf(
  options: Omit<DefinitionOptions, 'processModelId'>,
  repository: Pick<BackfillRepository, 'storesNull' | 'deletes' | 'maxKeyLength'>,
): RunDefinition {
  const mode = options.mode ?? 'fill';
  return definitionFrom(
    parsePaths(options.paths, repository).map((path) => ({ ...path, mode })),
    options,
    repository,
  );
}

/** The run keeps its paths. */
function assertStorable(paths: readonly ParsedPath[]): void {
  const problems = paths.flatMap(({ segments }, index) => {
    const problem = unkeptProblem(segments);
    return problem === null ? [] : [`[${index}]: ${problem}`];
  });
  if (problems.length > 0) throw new InvalidExtractionPathsError(problems);
}

/** As {@link definitionOf}, of paths that are parsed and have a mode each. */
export function definitionFrom(
  paths: readonly (ParsedPath & { readonly mode: BackfillMode })[],
  {
    missing,
    clear = false,
    limit,
    instanceIds,
    maxFailures,
    shards,
    dryRun = false,
    differences,
    maxListedDifferences,
  }: Omit<DefinitionOptions, 'processModelId' | 'paths' | 'mode'>,
  { storesNull = true, deletes = false }: Pick<BackfillRepository, 'storesNull' | 'deletes'>,
): RunDefinition {
  assertStorable(paths);
  if (missing === 'null' && !storesNull) {
    throw new InvalidInputError(
      "missing: expected 'omit', got 'null': this repository says that it stores no null.",
    );
  }
  const writesNull = (missing ?? (storesNull ? 'null' : 'omit')) === 'null';
  if (clear && paths.every(({ mode }) => mode !== 'overwrite')) {
    throw new InvalidInputError(
      "clear: expected mode 'overwrite' with it. 'fill' never removes a value, and 'remove' removes all.",
    );
  }
  for (const [name, value] of Object.entries({ differences, maxListedDifferences })) {
    if (value === undefined || dryRun) continue;
    throw new InvalidInputError(`${name}: expected dryRun: true with it. Only a dry run lists differences.`);
  }
  if (!deletes && !dryRun && paths.some(({ mode }) => mode === 'remove')) {
    throw new InvalidInputError(
      "mode: 'remove' needs a repository that declares deletes: true. Let its commit delete the row of a write without a value, and declare that.",
    );
  }
  if (clear && !writesNull && !deletes && !dryRun) {
    throw new InvalidInputError(
      "clear: this repository does not declare deletes: true, so it cannot remove a row. Leave missing at 'null' if the column takes null, or add deletes to the repository.",
    );
  }
  return {
    paths,
    missing: writesNull ? 'null' : 'omit',
    clear,
    limit: limit ?? null,
    instanceIds: instanceIds === undefined ? null : [...new Set(instanceIds)],
    maxFailures: maxFailures ?? null,
    shards: shards ?? 1,
    dryRun,
    differences: differences ?? 'keys',
    maxListedDifferences: maxListedDifferences ?? DEFAULT_LISTED_DIFFERENCES,
  };
}

function isIdList(value: unknown): boolean {
  const isId = (id: unknown) =>
    (typeof id === 'string' && id !== '' && isStorable(id)) ||
    (Number.isFinite(id) && Math.abs(id as number) <= Number.MAX_SAFE_INTEGER);
  if (!Array.isArray(value) || value.length < 1 || value.length > 10_000) return false;
  return Array.from(value).every(isId); // a plain `every` skips holes
}
