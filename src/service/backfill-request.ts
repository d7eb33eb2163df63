import { z } from 'zod';
import { diffExtractionPaths, type ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import {
  type ExtractionPath,
  type ParsedPath,
  parsePaths,
  splitPath,
} from '../extraction/extraction-path.js';
import {
  expecting,
  type Fields,
  leftOut,
  nonBlank,
  oneOf,
  parseInput,
  trueOrFalse,
} from '../input/parse-input.js';
import type { BackfillMode, BackfillRepository } from '../ports/repository.js';
import type { ModelRequest } from '../run/calls/claim-run.js';
import {
  type DefinitionOptions,
  definitionFields,
  definitionFrom,
  targetFields,
} from '../run/options/definition-options.js';
import { type RequesterOptions, requesterFields, requesterOf } from '../run/options/requester-options.js';
import type { RunDefinition } from '../run/record/run-record.js';

export interface RequestOptions<Transaction> extends RequesterOptions {
  readonly processModelId: string;
  /** No job of the run starts before this time. @default at once */
  readonly startAfter?: Date | undefined;
  /** The host's open transaction: model update, run and job then commit together or not at all. @default none */
  readonly transaction?: Transaction | undefined;
}

/** A model was updated: fill the keys that its extraction paths have gained. */
export interface ModelUpdate<Transaction = never> extends RequestOptions<Transaction> {
  readonly paths?: undefined;
  readonly before: readonly ExtractionPath[] | null | undefined;
  readonly after: readonly ExtractionPath[] | null | undefined;
  /**
   * Also overwrite the values of all keys that read another path than before. Without it, only the keys that an unfinished
   * run had yet to fill are overwritten. @default false
   */
  readonly includeChanged?: boolean | undefined;
  /** Whether the stored values of removed keys stay, or a run deletes them. @default 'keep' */
  readonly removed?: 'keep' | 'purge' | undefined;
}

/** By hand: fill the keys of any paths. */
export interface ManualRequest<Transaction = never> extends RequestOptions<Transaction>, DefinitionOptions {
  readonly before?: undefined;
  readonly after?: undefined;
}

export type BackfillRequest<Transaction = never> = ModelUpdate<Transaction> | ManualRequest<Transaction>;

/** The defaults for the requests of a service. */
export interface RequestDefaults extends Pick<DefinitionOptions, 'missing' | 'maxFailures' | 'shards'> {
  /** What a run does with new keys. @default 'fill' */
  readonly mode?: 'fill' | 'overwrite' | undefined;
}

/** What a request asks for. */
export interface PlannedRequest extends Omit<ModelRequest, 'hasQueue' | 'joins'> {
  /** `null` for a request by hand. */
  readonly diff: ExtractionPathDiff | null;
}

/**
 * @throws {InvalidInputError} when a member is missing, unknown or wrong.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 */
export function planRequest(
  request: BackfillRequest<unknown>,
  defaults: RequestDefaults,
  repository: Pick<BackfillRepository, 'storesNull' | 'deletes' | 'maxKeyLength'>,
): PlannedRequest {
  if (isManual(request)) {
    const manual = parseInput('request', manualRequest, request);
    const { processModelId, startAfter, transaction, requestedBy, reason, paths, ...options } = manual;
    const { mode = defaults.mode ?? 'fill' } = options;
    const definition = definitionFrom(
      withMode(parsePaths(paths, repository), mode),
      { ...defaults, ...withoutUndefined(options) },
      repository,
    );
    const definitionFor = (): RunDefinition => definition;
    const requester = requesterOf(manual);
    return { processModelId, startAfter, transaction, requester, diff: null, updates: [], definitionFor };
  }
  const update = parseInput('request', modelUpdate, request);
  const { processModelId, startAfter, transaction, includeChanged = false } = update;
  const purges = update.removed === 'purge';
  const diff = diffExtractionPaths(update.before, update.after, repository);
  const added = withMode(parsePaths(diff.added), defaults.mode ?? 'fill');
  const changed = withMode(parsePaths(diff.changed.map(({ after }) => after)), 'overwrite');
  const removed = diff.removed.map(({ key, path }) => ({
    key,
    segments: splitPath(path) ?? [],
    mode: 'remove' as const,
  }));
  const definitionFor = (owed: ReadonlySet<string>): RunDefinition | null => {
    const again = changed.filter(({ key }) => includeChanged || owed.has(key));
    const paths = [...added, ...again, ...(purges ? removed : [])];
    return paths.length === 0 ? null : definitionFrom(paths, defaults, repository);
  };
  definitionFor(new Set(changed.map(({ key }) => key))); // what is wrong with it shows before any I/O
  const updates = [...changed, ...removed.map(({ key }) => ({ key, segments: null }))];
  const requester = requesterOf(update);
  return { processModelId, startAfter, transaction, requester, diff, updates, definitionFor };
}

function isManual(request: BackfillRequest<unknown>): request is ManualRequest<unknown> {
  return Object.hasOwn(Object(request), 'paths') && Object(request).paths !== undefined;
}

function withMode(
  paths: readonly ParsedPath[],
  mode: BackfillMode,
): (ParsedPath & { readonly mode: BackfillMode })[] {
  return paths.map((path) => ({ ...path, mode }));
}

/** Without the members that are undefined, which would hide a default. */
function withoutUndefined<Options extends object>(options: Options): Partial<Options> {
  return Object.fromEntries(
    Object.entries(options).filter(([, value]) => value !== undefined),
  ) as Partial<Options>;
}

export const commonFields: Fields<RequestOptions<unknown>> = {
  processModelId: nonBlank,
  startAfter: expecting<Date>(
    'a valid Date',
    (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  ).optional(),
  transaction: z.unknown().optional(),
  ...requesterFields,
};

const manualRequest: z.ZodType<ManualRequest<unknown>> = z.strictObject({
  ...targetFields,
  ...definitionFields,
  ...commonFields,
  ...leftOut(['before', 'after', 'includeChanged', 'removed'], 'when paths is given'),
});

export const pathList: z.ZodType<readonly ExtractionPath[] | null | undefined> = expecting<
  readonly ExtractionPath[] | null | undefined
>(
  'a list of { key, path }, null or undefined',
  (value) => value === null || value === undefined || Array.isArray(value),
);

const modelUpdate: z.ZodType<ModelUpdate<unknown>> = z
  .strictObject({
    ...commonFields,
    before: pathList.optional(),
    after: pathList.optional(),
    includeChanged: trueOrFalse.optional(),
    removed: oneOf('keep', 'purge').optional(),
    ...leftOut(['paths'], 'when before and after are given'),
  })
  .refine(
    (request) => 'before' in request && 'after' in request,
    'expected paths, or before and after (each may be null)',
  ) as z.ZodType<unknown> as z.ZodType<ModelUpdate<unknown>>;
