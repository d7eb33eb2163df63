import { escaped, oneLine } from '../input/one-line.js';
import type { KeyPreview, SampledInstance } from './key-preview.js';

const MOST_WARNINGS = 50;

/** What somebody should look at before a run, in sentences for people. */
export function previewWarnings(options: {
  readonly processModelId: string;
  readonly total: number;
  readonly sampled: number;
  /** How many instances were chosen by their ids. `null`: all of the model. */
  readonly chosen: number | null;
  readonly keys: readonly (readonly [key: string, preview: KeyPreview])[];
  readonly sample: readonly SampledInstance[];
}): string[] {
  const { processModelId, total, sampled, chosen, keys, sample } = options;
  const model = quote(processModelId);
  const warnings = [
    ...(total === 0 && chosen === null
      ? [`Process model ${model} has no instances. Check its id, unless it is new.`]
      : []),
    ...(chosen !== null && total < chosen
      ? [
          `${chosen - total} of the ${chosen} given instanceIds are not in process model ${model}. Check the ids, and whether they are numbers or strings.`,
        ]
      : []),
    ...keys.flatMap(([key, preview], index) => keyWarnings(key, preview, sampled, failureAt(sample, index))),
  ];
  const more = warnings.length - MOST_WARNINGS;
  return more > 0 ? [...warnings.slice(0, MOST_WARNINGS), `${more} more warnings are left out.`] : warnings;
}

function keyWarnings(key: string, preview: KeyPreview, sampled: number, failure: string | null): string[] {
  if (sampled === 0) return [];
  const { found, null: nulls, failed, orphaned, truncated, types, byAge, didYouMean } = preview;
  const asked = spelled(preview.path);
  const path = `Path ${quote(asked)} of key ${quote(key)}`;
  const of = (count: number): string => `${count} of ${sampled} sampled instances`;
  const best = didYouMean[0] === undefined ? null : spelled(didYouMean[0].path);
  const oldest = byAge.findIndex((rate) => (rate ?? 0) > 0);
  const mixed = Object.entries(types).sort(([, a], [, b]) => b - a);
  return [
    ...(found.count + nulls.count === 0 && failed.count < sampled
      ? [`${path} finds nothing in ${nothingIn(preview, sampled, adviceOf(asked, best))}`]
      : []),
    ...(found.count === 0 && nulls.count > 0
      ? [`${path} finds null in ${of(nulls.count)}, and no value in any.`]
      : []),
    ...(found.count > 0 && best !== null
      ? [`${path} finds a value in only ${of(found.count)}. ${sentence(adviceOf(asked, best))}`]
      : []),
    ...(oldest > 0 && (1 - oldest / 10) ** found.count < CHANCE
      ? [
          `${path} finds nothing in the sampled ones among the oldest ${10 * oldest} % of the instances. A run reads the oldest first, so it writes no value for a while.`,
        ]
      : []),
    ...(failure === null ? [] : [`Key ${quote(key)} fails in ${of(failed.count)}. ${failure}`]),
    ...(orphaned.count > 0
      ? [
          `In ${of(orphaned.count)}, a value is stored, but ${path.replace('Path', 'path')} finds none. A run leaves these as they are, unless it has the mode 'overwrite' and clear: true.`,
        ]
      : []),
    ...(truncated > 0
      ? [`In ${of(truncated)}, the value of key ${quote(key)} is too long for the column and is truncated.`]
      : []),
    ...(mixed.length > 1
      ? [
          `Key ${quote(key)} has values of several types: ${mixed.map(([type, count]) => `${type} (${count})`).join(', ')}.`,
        ]
      : []),
  ];
}

/** The end of a sentence about a path that finds nothing. It claims no more than the sample proves: a right path may be rare. */
function nothingIn({ found, failed }: KeyPreview, sampled: number, advice: string): string {
  const read = sampled - failed.count;
  if (failed.count > 0)
    return `${read === 1 ? 'the only sampled instance' : `any of the ${read} sampled instances`} that did not fail. ${sentence(advice)}`;
  if (found.high === 0)
    return `${sampled === 1 ? 'the only instance' : `any of the ${sampled} instances`}. ${sentence(advice)}`;
  const most = Number((100 * found.high).toPrecision(2));
  return `${sampled} sampled instances, so probably at most ${most} % of all have a value. If more instances should have one, ${advice}`;
}

/** The caller adds a capital letter, or puts a condition before it. */
function adviceOf(asked: string, existing: string | null): string {
  if (existing === null) return 'check the path.';
  const looksTheSame = asked.normalize('NFKC') === existing.normalize('NFKC');
  return looksTheSame
    ? `did you mean ${inCodes(existing)}? You wrote ${inCodes(asked)}. Both look the same.`
    : `did you mean ${quote(existing)}?`;
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** A warning about the oldest instances appears only if chance alone would cause it no more often than this. */
const CHANCE = 0.01;

/** The first failure under a key, as a sentence. */
function failureAt(sample: readonly SampledInstance[], index: number): string | null {
  for (const { instance } of sample) {
    const failure = instance.keys[index]?.failure;
    if (failure)
      return `For example, instance ${oneLine(String(instance.id), 100)}: ${failure.reason} (${failure.code})`;
  }
  return null;
}

function spelled(path: KeyPreview['path']): string {
  return typeof path === 'string' ? path : path.join('.');
}

/** The quoted text, with a code for each character outside ASCII. */
function inCodes(text: string): string {
  return quote(text).replace(/[^ -~]/g, escaped);
}

function quote(text: string): string {
  return JSON.stringify(oneLine(text, 200));
}
