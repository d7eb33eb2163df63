import type {
  Cursor,
  FilledInstances,
  InstanceId,
  InstanceRange,
  InstanceSnapshot,
  PageEntry,
  PageQuery,
} from '../../ports/repository.js';
import { isFilled } from './page-entries.js';

type Compare = (a: Cursor, b: Cursor) => number;

/** What is wrong with a page that a repository returned, or `null`. A wrong page could make the walk skip or repeat instances. */
export function pageProblem(
  page: readonly PageEntry[],
  query: InstanceRange & Pick<PageQuery, 'limit' | 'paths'>,
  compare: Compare,
): string | null {
  if (!Array.isArray(page)) return 'expected an array of instances';
  const mayBeFilled = query.paths.every(({ mode }) => mode === 'fill');
  const ids = new Set<unknown>();
  let previous = query.after;
  for (const [index, entry] of page.entries()) {
    const problem = shapeProblem(entry);
    if (problem !== null) return `instance [${index}]: ${problem}`;
    const { cursor } = entry;
    if (previous !== null && !(compare(previous, cursor) < 0)) {
      return `expected ascending cursors, got ${show(cursor)} after ${show(previous)}${textHint(previous, cursor)}`;
    }
    if (!(compare(cursor, query.upTo) <= 0)) {
      return `expected cursors up to ${show(query.upTo)}, got ${show(cursor)}${textHint(cursor, query.upTo)}`;
    }
    previous = cursor;
    if (isFilled(entry)) {
      if (!mayBeFilled) return `instance [${index}]: expected no filled ones, as a key is to be overwritten`;
    } else if (ids.has(entry.id)) return `instance ${show(entry.id)} is there twice`;
    else ids.add(entry.id);
  }
  return ids.size > query.limit ? `expected at most ${query.limit} instances, got ${ids.size}` : null;
}

/** What is wrong with a survey, or `null`. With a wrong survey a run could leave instances out, or never end. */
export function surveyProblem(survey: unknown): string | null {
  if (typeof survey !== 'object' || survey === null) return `expected { total, upTo }, got ${show(survey)}`;
  const { total, upTo } = survey as Record<'total' | 'upTo', unknown>;
  if (!Number.isSafeInteger(total) || Number(total) < 0)
    return `total: expected a whole number, got ${show(total)}`;
  if ((total === 0) !== (upTo === null))
    return `upTo: expected null with a total of 0 and only then, got ${show(upTo)} with ${show(total)}`;
  return upTo === null || isCursor(upTo) ? null : `upTo: expected a cursor, got ${show(upTo)}`;
}

/** What is wrong with the bounds that split a range, or `null`. Wrong bounds could make the walk skip or repeat instances. */
export function splitProblem(
  bounds: unknown,
  { after, upTo, parts }: Pick<InstanceRange, 'after' | 'upTo'> & { readonly parts: number },
  compare: Compare,
): string | null {
  if (!Array.isArray(bounds) || !bounds.every(isCursor)) return 'expected a list of cursors';
  if (bounds.length >= parts) return `expected fewer than ${parts} cursors, got ${bounds.length}`;
  let previous = after;
  for (const cursor of [...bounds, upTo]) {
    if (previous !== null && !(compare(previous, cursor) < 0))
      return `expected ascending cursors below ${show(upTo)}, got ${show(cursor)} after ${show(previous)}${textHint(previous, cursor)}`;
    previous = cursor;
  }
  return null;
}

/** What is wrong with the instances that the answer of a commit names. */
export function outcomeProblem(
  named: readonly unknown[],
  instances: readonly { readonly id: InstanceId }[],
): string | null {
  if (named.length === 0) return null;
  const ids = new Set<unknown>(instances.map(({ id }) => id));
  const stranger = named.find((id) => !ids.has(id));
  return stranger === undefined
    ? null
    : `expected the ids of the batch as they were given, got ${show(stranger)}, which is none of them`;
}

const FORMS: ReadonlySet<unknown> = new Set(['none', 'parsed', 'json', 'values', 'unreadable']);

function shapeProblem(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null) return 'expected an InstanceSnapshot or FilledInstances';
  const { cursor, filled, id } = entry as Record<keyof FilledInstances | 'id', unknown>;
  if (!isCursor(cursor)) return `cursor: expected a string, a number or a list of them, got ${show(cursor)}`;
  if (filled !== undefined) {
    if (id !== undefined) return 'expected an InstanceSnapshot or FilledInstances, got both in one';
    const isCount = Number.isSafeInteger(filled) && Number(filled) > 0;
    return isCount ? null : `filled: expected a whole number from 1, got ${show(filled)}`;
  }
  const { data, stored } = entry as Record<keyof InstanceSnapshot, unknown>;
  if (typeof id !== 'string' && typeof id !== 'number')
    return `id: expected a string or a number, got ${typeof id}`;
  if (!FORMS.has((data as { form?: unknown } | null)?.form))
    return `data: expected a TaskData, got ${show(data)}`;
  if (!(stored instanceof Map)) return 'stored: expected a Map from key to StoredValue';
  return null;
}

function isCursor(value: unknown): value is Cursor {
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  return members.every((member) => typeof member === 'string' || Number.isFinite(member));
}

/** Names the most common cause: integers that the driver returns as text. */
function textHint(a: Cursor, b: Cursor): string {
  const isText = typeof a === 'string' && typeof b === 'string' && /^\d+$/.test(a) && /^\d+$/.test(b);
  return isText ? ' (these are compared as text: return numbers, or offer compareCursors)' : '';
}

function show(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
}
