import { z } from 'zod';
import type { ExtractionPathDiff } from '../extraction/diff-extraction-paths.js';
import { type ExtractionPath, splitPath } from '../extraction/extraction-path.js';
import { spellPath } from '../extraction/spell-path.js';
import { oneLine } from '../input/one-line.js';
import { expecting, type Fields, parseInput } from '../input/parse-input.js';

/**
 * Says in sentences what a model update did to the extraction paths: what is new, reads another path or is removed, which keys may
 * have been renamed, and which path cannot be used. One line each, for the items of a web page or for a log. There is
 * always at least one sentence.
 * @throws {InvalidInputError} when `diff` is not what `diffExtractionPaths` returns.
 * @example
 * describeDiff(diffExtractionPaths(oldModel.paths, newModel.paths));
 * // [
 * //   'Key "city" is new. It reads customer.address.city.',
 * //   'Key "amount" reads invoice.total now. Before, it read invoice.amount.',
 * //   '3 keys are unchanged: "number", "due", "vat".',
 * // ]
 */
export function describeDiff(diff: ExtractionPathDiff): readonly string[] {
  const { added, changed, removed, possibleRenames, unchanged, unusable } = parseInput(
    'diff',
    diffSchema,
    diff,
  );
  const changes = [
    ...added.map(({ key, path }) => `Key ${name(key)} is new. It reads ${spelled(path)}.`),
    ...changed.map(
      ({ key, before, after }) =>
        `Key ${name(key)} reads ${spelled(after.path)} now. Before, it read ${spelled(before.path)}.`,
    ),
    ...removed.map(({ key, path }) => `Key ${name(key)} is removed. It read ${spelled(path)}.`),
    ...possibleRenames.map(
      ({ from, to, path }) =>
        `Key ${name(to)} may be key ${name(from)} under a new name, because both read ${spelled(path)}. Values that are stored under ${name(from)} keep that name.`,
    ),
  ];
  return [
    ...(changes.length === 0 ? ['No key is new, changed or removed.'] : changes),
    ...(unchanged.length === 0 ? [] : [unchangedKeys(unchanged)]),
    ...unusable.map(
      ({ key, problem }) =>
        `Key ${name(key)} is not read, because its path cannot be used. ${oneLine(problem, LONGEST_PROBLEM)}`,
    ),
  ];
}

const MOST_NAMES = 10;
const LONGEST_PROBLEM = 1_000;

function unchangedKeys(paths: readonly ExtractionPath[]): string {
  const names = paths.slice(0, MOST_NAMES).map(({ key }) => name(key));
  const more = paths.length > MOST_NAMES ? ` and ${paths.length - MOST_NAMES} more` : '';
  const count = paths.length === 1 ? '1 key is' : `${paths.length} keys are`;
  return `${count} unchanged: ${names.join(', ')}${more}.`;
}

function name(key: string): string {
  return `"${oneLine(JSON.stringify(key).slice(1, -1), 200)}"`;
}

/** The canonical spelling of a path. */
function spelled(path: ExtractionPath['path']): string {
  const segments = splitPath(path);
  const spelling = segments === null ? path : spellPath(segments);
  return oneLine(typeof spelling === 'string' ? spelling : JSON.stringify(spelling), 520);
}

type Members = Readonly<Record<string, unknown>>;

const list = <Entry>(isEntry: (entry: Members) => boolean): z.ZodType<readonly Entry[]> =>
  expecting<readonly Entry[]>(
    'a list as diffExtractionPaths returns it',
    (value) => Array.isArray(value) && value.every((entry) => isEntry(Object(entry))),
  );

const isText = (value: unknown): boolean => typeof value === 'string';
const isPath = (value: unknown): boolean => isText(value) || (Array.isArray(value) && value.every(isText));
const isEntry = (value: unknown): boolean => {
  const { key, path } = Object(value) as Members;
  return isText(key) && isPath(path);
};

const fields: Fields<ExtractionPathDiff> = {
  added: list(isEntry),
  changed: list(({ key, before, after }) => isText(key) && isEntry(before) && isEntry(after)),
  removed: list(isEntry),
  possibleRenames: list(({ from, to, path }) => isText(from) && isText(to) && isPath(path)),
  unchanged: list(isEntry),
  unusable: list(({ key, problem }) => isText(key) && isText(problem)),
};

const diffSchema: z.ZodType<ExtractionPathDiff> = z.looseObject(fields);
