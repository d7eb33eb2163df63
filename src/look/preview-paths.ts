import type { Cursor, InstanceRange, InstanceSnapshot } from '../ports/repository.js';
import { portCalls } from '../run/calls/port-calls.js';
import { createBreather } from '../run/context/create-breather.js';
import type { RunContext } from '../run/context/run-context.js';
import { type BatchSizer, createBatchSizer } from '../run/job/batch-size.js';
import { pagePaths, type ReadPath } from '../run/job/page-paths.js';
import { surveyInstances } from '../run/job/survey-instances.js';
import type { RunDefinition } from '../run/record/run-record.js';
import { drawRanks } from './draw-ranks.js';
import { findNearPaths } from './find-near-paths.js';
import { compileInspector, FOUND, type InstanceInspector } from './inspect-instance.js';
import { type KeyPreview, previewOfKey, type SampledInstance } from './key-preview.js';
import { previewWarnings } from './preview-warnings.js';
import { projectMs, timePages } from './project-time.js';
import { readPagesOf } from './read-pages-of.js';
import { readSample } from './read-sample.js';
import { type Share, shareOfRows } from './share.js';
import { spread } from './spread.js';
import type { PathSuggestion } from './suggest-paths.js';
import { takeTurns } from './take-turns.js';

/** What a run of these paths would find and do, as a sample of the instances shows it. Plain JSON. */
export interface BackfillPreview<Key extends string = string> {
  readonly processModelId: string;
  /** How many instances there are. */
  readonly total: number;
  /** How many of them were looked at. If all were, every count is exact. */
  readonly sampled: number;
  /** Sentences for people about what to check before a run, such as a path that finds nothing. */
  readonly warnings: readonly string[];
  readonly keys: Readonly<Record<Key, KeyPreview>>;
  readonly projected: ProjectedRun;
}

/**
 * The time and the rows of a run over all instances. For a model update, the run fills the added keys. With `includeChanged`, it also
 * overwrites the changed keys.
 */
export interface ProjectedRun {
  /** The range of milliseconds, for one job that nothing slows down. */
  readonly ms: readonly [low: number, high: number];
  /**
   * How many rows a run writes that fills its keys. With `includeChanged`, changed keys are overwritten. Null rows count. `count` is the rows in the sample. `rate` is `count` divided by the most rows that
   * the sample could have (sampled instances times keys of the run). For all rows of the model, multiply `rate`, `low` and `high` by
   * `total` and the number of these keys.
   */
  readonly fillRows: Share;
  /** The same of a run that overwrites all its keys. */
  readonly overwriteRows: Share;
}

/** What to preview. The modes of the paths do not matter. */
export interface PreviewPlan extends Pick<RunDefinition, 'paths' | 'missing' | 'instanceIds'> {
  readonly processModelId: string;
  readonly sampleSize: number;
  /** Keys to look at that the run does not fill. `projected` does not count them. */
  readonly leftAlone: ReadonlySet<string>;
  /** Keys that the run overwrites, whatever it does to the others. */
  readonly overwritten: ReadonlySet<string>;
}

/** Commits nothing: the repository of `context` must be that of a dry run. */
export async function previewPaths(context: RunContext, plan: PreviewPlan): Promise<BackfillPreview> {
  const { processModelId, instanceIds, missing, sampleSize, leftAlone, overwritten } = plan;
  const { repository, runtime, maxInstancesPerSecond } = context;
  context.signal.throwIfAborted();
  // In `fill` mode, pages may skip filled instances and return placeholders for stored values.
  const paths = plan.paths.map((path): ReadPath => ({ ...path, mode: 'overwrite', formerPaths: [] }));
  const calls = portCalls(context, null, { isStored: false });
  const selection = { processModelId, instanceIds };
  const { total, upTo } = await surveyInstances(context, calls, { ...selection, after: null, limit: null });
  const toRead = (paths: readonly ReadPath[]): InspectedPaths => ({
    paths,
    inspect: compileInspector({
      paths,
      missing,
      leftAlone,
      overwritten,
      deletes: repository.deletes ?? false,
      storesAnyText: repository.storesAnyText,
      ...(repository.formatValue && { formatValue: repository.formatValue.bind(repository) }),
    }),
  });
  const filled = toRead(paths.filter(({ key }) => !leftAlone.has(key)));
  const range = upTo === null || paths.length === 0 ? null : { ...selection, upTo };
  const look: Look = { ...toRead(paths), context, filled, total, sizer: createBatchSizer(context) };
  const { sample, readMs } = range === null ? NOTHING : await lookAt(look, range, sampleSize, runtime.random);

  const sampled = sample.reduce((sum, { times }) => sum + times, 0);
  const size = { sampled, total };
  const near = range === null ? [] : await suggestPaths(look, range, sample, sampled);
  const keys = paths.map(({ key, segments }, index) => {
    const didYouMean = near[index] ?? [];
    return [key, previewOfKey(sample, index, { ...size, segments, didYouMean })] as const;
  });
  const chosen = instanceIds?.length ?? null;
  const counted = sample.flatMap(({ instance, times }) => Array<typeof instance>(times).fill(instance));
  const rows = (rowsOf: (instance: SampledInstance['instance']) => number): Share =>
    shareOfRows(counted.map(rowsOf), filled.paths.length, size);
  const [fillRows, overwriteRows] = [
    rows(({ fillRows }) => fillRows),
    rows(({ overwriteRows }) => overwriteRows),
  ];
  const rowsPerInstance = Math.max(fillRows.rate, overwriteRows.rate) * filled.paths.length;
  const isNoRun = filled.paths.length === 0;
  return {
    processModelId,
    total,
    sampled,
    warnings: previewWarnings({ processModelId, total, sampled, chosen, keys, sample }),
    keys: Object.fromEntries(keys), // defines own properties, so a key named `__proto__` is a key like any other
    projected: {
      ms: isNoRun ? [0, 0] : projectMs(readMs, { total, rowsPerInstance, maxInstancesPerSecond }),
      fillRows,
      overwriteRows,
    },
  };
}

interface InspectedPaths {
  readonly paths: readonly ReadPath[];
  readonly inspect: InstanceInspector;
}

/** What all steps of a preview need. */
interface Look extends InspectedPaths {
  readonly context: RunContext;
  /** Those that the run fills. */
  readonly filled: InspectedPaths;
  readonly total: number;
  readonly sizer: BatchSizer;
}

type Range = Omit<InstanceRange, 'after'>;

interface Looked {
  /** From the oldest instance to the newest. */
  readonly sample: readonly SampledInstance[];
  /** How long the run takes to read all instances. */
  readonly readMs: number;
}

const NOTHING: Looked = { sample: [], readMs: 0 };

async function lookAt(look: Look, range: Range, sampleSize: number, random: () => number): Promise<Looked> {
  if (look.total <= sampleSize) return lookAtAll(look, range);
  const { context, paths, inspect, filled, total, sizer } = look;
  const ranks = drawRanks(total, sampleSize, random);
  const read: (SampledInstance & { readonly cursor: Cursor })[] = [];
  await readSample(context, range, pagePaths(paths), ranks, async ({ drawn, snapshot }) => {
    await sizer.see([snapshot]); // so that the pages to be timed hold no more than those of a run
    read.push({ ...drawn, instance: inspect(snapshot), cursor: snapshot.cursor });
  });
  const sample = read.toSorted((a, b) => a.rank - b.rank);
  const starts = sample.map(({ cursor }) => cursor);
  return { sample, readMs: await timePages(context, range, { ...filled, starts, total, sizer }) };
}

async function lookAtAll(look: Look, range: Range): Promise<Looked> {
  const { context, paths, inspect, filled, total, sizer } = look;
  const { runtime } = context;
  const sample: SampledInstance[] = [];
  const cursors: (Cursor | null)[] = [null];
  let readMs = 0;
  const breathe = createBreather(context);
  const add = (snapshot: InstanceSnapshot): void => {
    sample.push({ instance: inspect(snapshot), rank: sample.length + 1, times: 1 });
    cursors.push(snapshot.cursor);
  };
  for await (const { snapshots, tookMs } of readPagesOf(
    context,
    { ...range, after: null },
    pagePaths(paths),
    sizer,
  )) {
    const startedAt = runtime.now();
    for (const snapshot of snapshots) {
      add(snapshot);
      await breathe();
    }
    readMs += tookMs + runtime.now() - startedAt;
    if (sample.length >= total) break;
  }
  if (filled.paths.length === paths.length) return { sample, readMs };
  // Those pages were read with more paths than the run has.
  const starts = cursors.slice(0, -1);
  return { sample, readMs: await timePages(context, range, { ...filled, starts, total, sizer }) };
}

/** A path that finds less than this, nulls included, may be misspelled. */
const LITTLE = 0.05;
/** How many whole documents to look at. */
const MOST_DOCUMENTS = 50;
/**
 * The most documents to read that have a value at a rare path. The other paths in such a document are not misspellings of it.
 */
const MOST_WITH_VALUE = 25;

/** For each path that finds little, the existing paths that may be meant. */
async function suggestPaths(
  { context, paths }: Look,
  { processModelId, upTo }: Range,
  sample: readonly SampledInstance[],
  sampled: number,
): Promise<PathSuggestion[][]> {
  const readable = sample.filter(({ instance }) =>
    instance.keys.some(({ failure }) => failure?.key !== null),
  );
  const rare = paths
    .map(({ segments }, index) => ({
      index,
      segments,
      having: readable.filter((one) => isThere(one, index)),
    }))
    .filter(({ having }) => having.reduce((sum, { times }) => sum + times, 0) < LITTLE * sampled);
  const withValue = takeTurns(
    rare.map(({ having }) => spread(having, MOST_WITH_VALUE)),
    MOST_WITH_VALUE,
  );
  const lacking = readable.filter((one) => rare.some(({ index }) => !isThere(one, index)));
  const chosen = new Set([...withValue, ...spread(lacking, MOST_DOCUMENTS - withValue.length)]);
  // A correct but rare path needs a document that has it. Otherwise it looks misspelled.
  const unclear = rare.filter(({ having }) => having.length === 0 || having.some((one) => chosen.has(one)));
  if (unclear.length === 0 || chosen.size === 0) return [];
  const found = await findNearPaths(
    context,
    { processModelId, upTo },
    [...new Set([...chosen].map(({ instance }) => instance.id))],
    unclear.map(({ segments }) => segments),
  );
  const suggestions = new Map(unclear.map(({ index }, place) => [index, found[place]]));
  return paths.map((_, index) => suggestions.get(index) ?? []);
}

/** Whether there is something at the path, even if it is only a null, or a value that cannot be stored. */
function isThere({ instance }: SampledInstance, index: number): boolean {
  const key = instance.keys[index];
  if (key === undefined) return false;
  const { finding, failure } = key;
  return (
    FOUND.has(finding) ||
    finding === 'null' ||
    finding === 'null-orphaned' ||
    (finding === 'failed' && failure?.key !== null)
  );
}
