import { createRunContext } from '../run/context/create-run-context.js';
import { definitionOf } from '../run/options/definition-options.js';
import { DEFAULT_SAMPLE_SIZE, type PreviewOptions, parsePreviewOptions } from './preview-options.js';
import { type BackfillPreview, previewPaths } from './preview-paths.js';

/**
 * Looks at a sample of the instances, and says what a run would find at each path and write: how many values, of which types, in
 * place of which stored ones, and how long it takes. Writes nothing. Old and new instances have the same chance to be in the
 * sample. For a path that finds little, it names existing paths with a similar spelling.
 *
 * It takes about two calls of the repository per sampled instance, and counts the instances twice.
 * @throws {InvalidInputError} or {@link InvalidExtractionPathsError}, before any I/O.
 * @throws {PortError} when the repository fails, and trying again has not helped or is pointless.
 * @throws {RepositoryContractError} when the repository gives an answer that cannot be right.
 * @throws `signal.reason` when aborted.
 * @example
 * const preview = await previewBackfill({
 *   repository,
 *   processModelId: 'test_group/invoice_process',
 *   paths: [{ key: 'invoice_number', path: 'invoice.nubmer' }],
 * });
 * preview.keys.invoice_number.found; // { count: 0, rate: 0, low: 0, high: 0.0188 }
 * preview.keys.invoice_number.didYouMean; // [{ path: 'invoice.number', found: 1, sample: 'INV-7' }]
 */
export async function previewBackfill<const Key extends string = string>(
  options: PreviewOptions<Key>,
): Promise<BackfillPreview<Key>> {
  const input = parsePreviewOptions(options);
  const { repository, processModelId, instanceIds, sampleSize = DEFAULT_SAMPLE_SIZE } = input;
  const asked = { paths: input.paths, missing: input.missing, instanceIds };
  const { paths, missing, ...chosen } = definitionOf(asked, repository);
  const context = createRunContext(input, { dryRun: true });
  const plan = { processModelId, paths, missing, instanceIds: chosen.instanceIds, sampleSize };
  return (await previewPaths(context, {
    ...plan,
    leftAlone: NONE,
    overwritten: NONE,
  })) as BackfillPreview<Key>;
}

const NONE: ReadonlySet<string> = new Set();
