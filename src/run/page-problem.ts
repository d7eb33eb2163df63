import type { Cursor, InstanceRange, InstanceSnapshot } from '../ports/repository.js';

/** What is wrong with a page that a repository returned, or `null`. A wrong page could skip or repeat instances. */
export function pageProblem(
  page: readonly InstanceSnapshot[],
  range: InstanceRange & { readonly limit: number },
  compare: (a: Cursor, b: Cursor) => number,
): string | null {
  if (!Array.isArray(page)) return 'expected an array of instances';
  if (page.length > range.limit) return `expected at most ${range.limit} instances, got ${page.length}`;
  const ids = new Set<unknown>();
  let previous = range.after;
  for (const [index, instance] of page.entries()) {
    const problem = shapeProblem(instance);
    if (problem !== null) return `instance [${index}]: ${problem}`;
    const { id, cursor } = instance;
    if (previous !== null && !(compare(previous, cursor) < 0)) {
      return `expected ascending cursors, got ${show(cursor)} after ${show(previous)}${textHint(previous, cursor)}`;
    }
    if (!(compare(cursor, range.upTo) <= 0)) {
      return `expected cursors up to ${show(range.upTo)}, got ${show(cursor)}${textHint(cursor, range.upTo)}`;
    }
    if (ids.has(id)) return `instance ${show(id)} is there twice`;
    ids.add(id);
    previous = cursor;
  }
  return null;
}

const FORMS: ReadonlySet<unknown> = new Set(['none', 'parsed', 'json', 'values', 'unreadable']);

function shapeProblem(instance: unknown): string | null {
  if (typeof instance !== 'object' || instance === null) return 'expected an InstanceSnapshot';
  const { id, cursor, data, stored } = instance as Record<keyof InstanceSnapshot, unknown>;
  if (typeof id !== 'string' && typeof id !== 'number')
    return `id: expected a string or a number, got ${typeof id}`;
  if (!isCursor(cursor)) return `cursor: expected a string, a number or a list of them, got ${show(cursor)}`;
  if (!FORMS.has((data as { form?: unknown } | null)?.form))
    return `data: expected a TaskData, got ${show(data)}`;
  if (!(stored instanceof Map)) return 'stored: expected a Map from key to StoredValue';
  return null;
}

function isCursor(value: unknown): value is Cursor {
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  return members.every((member) => typeof member === 'string' || Number.isFinite(member));
}

/** The commonest cause by far: integers that the driver returns as text. */
function textHint(a: Cursor, b: Cursor): string {
  const isText = typeof a === 'string' && typeof b === 'string' && /^\d+$/.test(a) && /^\d+$/.test(b);
  return isText ? ' (these are compared as text: return numbers, or offer compareCursors)' : '';
}

function show(value: unknown): string {
  return typeof value === 'bigint' ? `${value}n` : (JSON.stringify(value) ?? String(value));
}
