import type { ExtractionPath } from '../extraction/extraction-path.js';
import type { JsonValue } from '../extraction/json-value.js';
import { spellPath } from '../extraction/spell-path.js';
import type { InstanceId } from '../ports/repository.js';
import type { Finding } from '../run/job/plan-instance.js';
import type { InspectedInstance, InspectedKey, ValueType } from './inspect-instance.js';
import { FOUND } from './inspect-instance.js';
import { type SampleSize, type Share, shareOf } from './share.js';
import { spread } from './spread.js';
import type { PathSuggestion } from './suggest-paths.js';
import { takeTurns } from './take-turns.js';

/** What a run would find and do under one key. `found`, `null`, `missing` and `failed` add up to the sampled instances. */
export interface KeyPreview {
  readonly path: ExtractionPath['path'];
  /** There is a value at the path. */
  readonly found: Share;
  /** There is a JSON null. */
  readonly null: Share;
  /** There is nothing, or the instance has no completed task. */
  readonly missing: Share;
  /** The task data cannot be read, or the value cannot be stored. */
  readonly failed: Share;
  /** No value is stored, so even a run in the mode `fill` writes the one that was found. */
  readonly wouldFill: Share;
  /** Another value is stored. Only the mode `overwrite` replaces it. */
  readonly wouldReplace: Share;
  /** A value is stored, but the path finds none. It stays, unless a run has the mode `overwrite` and `clear`. */
  readonly orphaned: Share;
  /** How many of the found values are cut to fit the column. */
  readonly truncated: number;
  /** How many of the found values have each type: `string`, `number`, `boolean`, `array`, `object`. */
  readonly types: Readonly<Record<string, number>>;
  /** The rate of `found` in each tenth of the instances, oldest first. `null` where none was sampled. */
  readonly byAge: readonly (number | null)[];
  /** Up to 5 instances, of as many kinds as possible: replaced, filled, orphaned, unchanged, without a value. */
  readonly samples: readonly PreviewSample[];
  /** For a path that finds little: up to 3 existing paths with a similar spelling, the nearest one first. Only the first 50 such paths get any. */
  readonly didYouMean: readonly PathSuggestion[];
}

/** A stored value and what would take its place. Long values are shown as the first 200 characters of their text. */
export interface PreviewSample {
  readonly instanceId: InstanceId;
  /** What is stored. `null`: nothing. */
  readonly before: JsonValue;
  /** What the path gives, as it would be stored. `null`: nothing. */
  readonly after: JsonValue;
}

/** An instance of the sample. */
export interface SampledInstance {
  readonly instance: InspectedInstance;
  /** Its place in the order of the walk, starting at 1. */
  readonly rank: number;
  /** How often it counts. */
  readonly times: number;
}

const MOST_SAMPLES = 5;
const AGES = 10;

/** @param index of the key among those of each instance. */
export function previewOfKey(
  sample: readonly SampledInstance[],
  index: number,
  options: SampleSize & {
    readonly segments: readonly string[];
    readonly didYouMean: readonly PathSuggestion[];
  },
): KeyPreview {
  const { segments, didYouMean, ...size } = options;
  const seen = sample.map(({ instance, ...drawn }) => ({
    ...drawn,
    id: instance.id,
    key: keyAt(instance, index),
  }));
  const countWhere = (isCounted: (key: InspectedKey) => boolean): number =>
    seen.reduce((sum, { key, times }) => sum + (isCounted(key) ? times : 0), 0);
  const share = (...findings: readonly Finding[]): Share =>
    shareOf(
      countWhere(({ finding }) => findings.includes(finding)),
      size,
    );
  return {
    path: spellPath(segments),
    found: share(...FOUND),
    null: share('null', 'null-orphaned'),
    missing: share('missing', 'missing-orphaned'),
    failed: share('failed'),
    wouldFill: share('value', 'truncated'),
    wouldReplace: share('replaced', 'replaced-truncated'),
    orphaned: share('null-orphaned', 'missing-orphaned'),
    truncated: countWhere(({ isCut }) => isCut),
    types: typesOf(seen),
    byAge: byAge(seen, size.total),
    samples: samplesOf(seen),
    didYouMean,
  };
}

interface SeenKey {
  readonly id: InstanceId;
  readonly rank: number;
  readonly times: number;
  readonly key: InspectedKey;
}

function keyAt({ keys }: InspectedInstance, index: number): InspectedKey {
  return keys[index] as InspectedKey; // each instance was inspected by all paths
}

function typesOf(seen: readonly SeenKey[]): Record<string, number> {
  const types: Partial<Record<ValueType, number>> = {};
  for (const { key, times } of seen) if (key.type !== null) types[key.type] = (types[key.type] ?? 0) + times;
  return types;
}

function byAge(seen: readonly SeenKey[], total: number): (number | null)[] {
  const ages = Array.from({ length: AGES }, () => ({ sampled: 0, found: 0 }));
  for (const { rank, times, key } of seen) {
    const age = ages[Math.floor(((rank - 1) * AGES) / total)];
    if (age === undefined) continue;
    age.sampled += times;
    if (FOUND.has(key.finding)) age.found += times;
  }
  return ages.map(({ sampled, found }) => (sampled === 0 ? null : found / sampled));
}

/** The kinds of samples. People want to see first what would change. */
const KINDS: readonly (readonly Finding[])[] = [
  ['replaced', 'replaced-truncated'],
  ['value', 'truncated'],
  ['missing-orphaned', 'null-orphaned'],
  ['kept'],
  ['missing', 'null'],
];

/** One of each kind, then another one of each, and so on. Each kind has old and new instances. */
function samplesOf(seen: readonly SeenKey[]): PreviewSample[] {
  const kinds = KINDS.map((findings) =>
    spread(
      seen.filter(({ key }) => findings.includes(key.finding)),
      MOST_SAMPLES,
    ),
  );
  return takeTurns(kinds, MOST_SAMPLES).map(({ id, key: { before, after } }) => ({
    instanceId: id,
    before,
    after,
  }));
}
