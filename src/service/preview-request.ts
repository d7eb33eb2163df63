import { z } from 'zod';
import { diffExtractionPaths, type ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import type { ExtractionPath } from '../extraction/extraction-path.js';
import { leftOut, nonBlank, parseInput, trueOrFalse } from '../input/parse-input.js';
import { DEFAULT_SAMPLE_SIZE, type SampleOptions, sampleFields } from '../look/preview-options.js';
import type { BackfillPreview, PreviewPlan } from '../look/preview-paths.js';
import type { BackfillRepository } from '../ports/repository.js';
import { definitionOf, targetFields } from '../run/options/definition-options.js';
import { pathList, type RequestDefaults } from './backfill-request.js';

/** A model is about to be updated: preview the keys that are new or read another path. */
export interface UpdatePreview extends SampleOptions {
  readonly processModelId: string;
  readonly before: readonly ExtractionPath[] | null | undefined;
  readonly after: readonly ExtractionPath[] | null | undefined;
  /**
   * As in `request`. `keys` has the changed keys in either case. `projected` counts them only if this is true. If it is false,
   * `projected` leaves out all changed keys, even those that `request` overwrites because an earlier run has not filled them yet.
   * @default false
   */
  readonly includeChanged?: boolean | undefined;
  readonly paths?: undefined;
}

/** Preview any paths. */
export interface PathsPreview extends SampleOptions {
  readonly processModelId: string;
  readonly paths: readonly ExtractionPath[];
  readonly before?: undefined;
  readonly after?: undefined;
}

export type PreviewRequest = UpdatePreview | PathsPreview;

export interface ServicePreview extends BackfillPreview {
  /** What the update does to the paths. `describeDiff` says it in sentences. `null` for a preview of `paths`. */
  readonly diff: ExtractionPathDiff | null;
}

export interface PlannedPreview {
  readonly plan: PreviewPlan;
  readonly diff: ExtractionPathDiff | null;
  readonly signal: AbortSignal | undefined;
}

/**
 * @throws {InvalidInputError} when a member is missing, unknown or wrong.
 * @throws {InvalidExtractionPathsError} when a path cannot be used.
 */
export function planPreview(
  request: PreviewRequest,
  { missing }: Pick<RequestDefaults, 'missing'>,
  repository: Pick<BackfillRepository, 'storesNull' | 'deletes' | 'maxKeyLength'>,
): PlannedPreview {
  const isOfPaths = Object.hasOwn(Object(request), 'paths') && Object(request).paths !== undefined;
  const input: PreviewRequest = isOfPaths
    ? parseInput('preview', pathsPreview, request)
    : parseInput('preview', updatePreview, request);
  const { processModelId, instanceIds, sampleSize = DEFAULT_SAMPLE_SIZE, signal } = input;
  const diff = input.paths === undefined ? diffExtractionPaths(input.before, input.after, repository) : null;
  const changed = diff?.changed.map(({ after }) => after) ?? [];
  const paths = input.paths ?? [...(diff?.added ?? []), ...changed];
  const includeChanged = input.paths === undefined && input.includeChanged === true;
  const { instanceIds: ids, ...definition } = definitionOf({ paths, instanceIds, missing }, repository);
  const changedKeys = new Set(changed.map(({ key }) => key));
  const plan = {
    processModelId,
    paths: definition.paths,
    missing: definition.missing,
    instanceIds: ids,
    sampleSize,
    leftAlone: includeChanged ? NONE : changedKeys,
    overwritten: includeChanged ? changedKeys : NONE,
  };
  return { plan, diff, signal };
}

const NONE: ReadonlySet<string> = new Set();

const pathsPreview: z.ZodType<PathsPreview> = z.strictObject({
  ...targetFields,
  ...sampleFields,
  ...leftOut(['before', 'after', 'includeChanged'], 'when paths is given'),
});

const updatePreview: z.ZodType<UpdatePreview> = z
  .strictObject({
    processModelId: nonBlank,
    before: pathList.optional(),
    after: pathList.optional(),
    includeChanged: trueOrFalse.optional(),
    ...sampleFields,
    ...leftOut(['paths'], 'when before and after are given'),
  })
  .refine(
    (request) => 'before' in request && 'after' in request,
    'expected paths, or before and after (each may be null)',
  ) as z.ZodType<unknown> as z.ZodType<UpdatePreview>;
