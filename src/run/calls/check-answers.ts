import type {
  Cursor,
  FilledInstances,
  InstanceRange,
  InstanceSnapshot,
  InstanceWrites,
  PageEntry,
  PageQuery,
  RunFilter,
  RunRecord,
  WriteOutcome,
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
  if (upTo !== null && !isCursor(upTo)) return `upTo: expected a cursor or null, got ${show(upTo)}`;
  if (upTo !== null && !isExactCursor(upTo)) return `upTo: ${ROUNDED} ${AS_TEXT}, got ${show(upTo)}`;
  if ((total === 0) !== (upTo === null))
    return `upTo: expected null with a total of 0 and only then, got ${show(upTo)} with ${show(total)}`;
  return null;
}

/** What is wrong with the answer of `settled`, or `null`. With a new mark each time, a run could wait for others in vain. */
export function settledProblem(answer: unknown, given: string | null): string | null {
  const { mark, settled } = Object(answer) as Record<'mark' | 'settled', unknown>;
  if (typeof mark !== 'string' || typeof settled !== 'boolean')
    return `expected { mark, settled }, a text and true or false, got ${show(answer)}`;
  return given === null || mark === given
    ? null
    : `mark: expected the one that was given, ${show(given)}, got ${show(mark)}`;
}

/** What is wrong with the bounds that split a range, or `null`. Wrong bounds could make the walk skip or repeat instances. */
export function splitProblem(
  bounds: unknown,
  { after, upTo, parts }: Pick<InstanceRange, 'after' | 'upTo'> & { readonly parts: number },
  compare: Compare,
): string | null {
  if (!Array.isArray(bounds) || !bounds.every(isCursor)) return 'expected a list of cursors';
  const rounded = bounds.find((bound) => !isExactCursor(bound));
  if (rounded !== undefined) return `${ROUNDED} ${AS_TEXT}, got ${show(rounded)}`;
  if (bounds.length >= parts) return `expected fewer than ${parts} cursors, got ${bounds.length}`;
  let previous = after;
  for (const cursor of [...bounds, upTo]) {
    if (previous !== null && !(compare(previous, cursor) < 0))
      return `expected ascending cursors below ${show(upTo)}, got ${show(cursor)} after ${show(previous)}${textHint(previous, cursor)}`;
    previous = cursor;
  }
  return null;
}

/** What is wrong with what `next` was called with, or `null`. */
export function outcomeProblem(outcome: unknown, instances: readonly InstanceWrites[]): string | null {
  const { gone, kept, moved } = Object(outcome) as Record<keyof WriteOutcome, unknown>;
  if (!Array.isArray(gone) || !Array.isArray(kept) || !Array.isArray(moved))
    return `expected next to be called with { gone, kept, moved }, got ${show(outcome)}`;
  return (
    strangerProblem([...gone, ...moved, ...kept.map((value) => Object(value).id)], instances) ??
    movedProblem(new Set(moved), instances)
  );
}

/** An instance without a version is compared with nothing. If it could move, it might never be written. */
function movedProblem(moved: ReadonlySet<unknown>, instances: readonly InstanceWrites[]): string | null {
  const unversioned = instances.find(({ id, version }) => version === undefined && moved.has(id));
  return unversioned === undefined
    ? null
    : `told next that instance ${show(unversioned.id)} has moved, but it was given without a version`;
}

/** What is wrong with the answer of a commit, or `null`. `isNextCalled`: in this very attempt. */
export function commitProblem(
  result: unknown,
  { exhausted, isNextCalled }: { readonly exhausted: unknown; readonly isNextCalled: boolean },
): string | null {
  const { status } = Object(result) as Record<'status', unknown>;
  switch (status) {
    case 'conflict':
      return null;
    case 'committed':
      return isNextCalled
        ? null
        : "answered 'committed' without a call of next, whose records belong to the same transaction";
    case 'not-exhausted':
      return exhausted === undefined ? "answered 'not-exhausted' although nothing was to be exhausted" : null;
    default:
      return `expected the status 'committed', 'conflict' or 'not-exhausted', got ${show(result)}`;
  }
}

function strangerProblem(named: readonly unknown[], instances: readonly InstanceWrites[]): string | null {
  if (named.length === 0) return null;
  const ids = new Set<unknown>(instances.map(({ id }) => id));
  const stranger = named.findIndex((id) => !ids.has(id));
  return stranger === -1
    ? null
    : `expected the ids of the batch as they were given, got ${show(named[stranger])}, which is none of them`;
}

/** What is wrong with the records that `loadRun` returned, or `null`. What they hold is not looked at. */
export function loadProblem(records: unknown, runId: string): string | null {
  const problem = recordsProblem(records);
  if (problem !== null) return problem;
  const ids = new Set<string>();
  for (const record of records as readonly RunRecord[]) {
    if (record.runId !== runId)
      return `expected records of the run ${runId}, got one of ${show(record.runId)}`;
    if (ids.has(record.id)) return `the record ${record.id} is there twice`;
    ids.add(record.id);
  }
  return null;
}

/** What is wrong with the records that `findRuns` returned, or `null`. With wrong ones, a search might never end. */
export function findProblem(records: unknown, filter: RunFilter): string | null {
  const problem = recordsProblem(records);
  if (problem !== null) return problem;
  const { processModelId, activeKey, active, before, limit } = filter;
  let previous = before;
  for (const record of records as readonly RunRecord[]) {
    const { id } = record;
    if (id !== record.runId) return `expected only records whose id is their runId, got ${id}`;
    if (previous !== null && !(id < previous))
      return `expected ids that descend, all of them less than before, got ${id} after ${previous}`;
    previous = id;
    const isWanted =
      (processModelId === null || record.processModelId === processModelId) &&
      (activeKey === null || record.activeKey === activeKey) &&
      (active === null || (record.activeKey !== null) === active);
    if (!isWanted) return `the record ${id} is none that was asked for`;
  }
  const { length } = records as readonly RunRecord[];
  return length > limit ? `expected at most ${limit} records, got ${length}` : null;
}

function recordsProblem(records: unknown): string | null {
  if (!Array.isArray(records)) return `expected an array of records, got ${show(records)}`;
  for (const [index, record] of records.entries()) {
    const { id, runId, processModelId, revision, activeKey } = Object(record) as Record<string, unknown>;
    if (![id, runId, processModelId].every((text) => typeof text === 'string'))
      return `record [${index}]: expected texts as id, runId and processModelId, got ${show(record)}`;
    if (typeof revision !== 'string')
      return `record ${id}: revision: expected the text that was stored, got ${show(revision)}`;
    if (activeKey !== null && typeof activeKey !== 'string')
      return `record ${id}: activeKey: expected a text or null, got ${show(activeKey)}`;
  }
  return null;
}

const FORMS: readonly unknown[] = ['none', 'parsed', 'json', 'values', 'unreadable'];
const PARSED_HINT = " (a document that the driver has parsed is { form: 'parsed', value })";

function shapeProblem(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null) return 'expected an InstanceSnapshot or FilledInstances';
  const { cursor, filled, id } = entry as Record<keyof FilledInstances | 'id', unknown>;
  if (!isCursor(cursor)) return `cursor: expected a string, a number or a list of them, got ${show(cursor)}`;
  if (!isExactCursor(cursor)) return `cursor: ${ROUNDED} ${AS_TEXT}, got ${show(cursor)}`;
  if (filled !== undefined) {
    if (id !== undefined) return 'expected an InstanceSnapshot or FilledInstances, got both in one';
    const isCount = Number.isSafeInteger(filled) && Number(filled) > 0;
    return isCount ? null : `filled: expected a whole number from 1, got ${show(filled)}`;
  }
  const { data, stored, bytes } = entry as Record<keyof InstanceSnapshot, unknown>;
  if (typeof id !== 'string' && typeof id !== 'number')
    return `id: expected a string or a number, got ${typeof id}`;
  if (Number.isNaN(id)) return 'id: expected a string or a number, got NaN';
  if (!isExact(id)) return `id: ${ROUNDED} (return text), got ${show(id)}`;
  const { form, text, values } = Object(data) as { form?: unknown; text?: unknown; values?: unknown };
  if (!FORMS.includes(form))
    return `data: expected a TaskData with one of the forms ${FORMS.join(', ')}, got ${show(data)}${PARSED_HINT}`;
  if (form === 'json' && typeof text !== 'string')
    return `data.text: expected a string, got ${typeof text}${PARSED_HINT}`;
  if (form === 'values' && !(values instanceof Map)) return 'data.values: expected a Map from key to value';
  if (bytes !== undefined && !(typeof bytes === 'number' && bytes >= 0 && bytes < Number.POSITIVE_INFINITY))
    return `bytes: expected a number from 0, got ${show(bytes)}`;
  if (!(stored instanceof Map)) return 'stored: expected a Map from key to StoredValue';
  return null;
}

function isCursor(value: unknown): value is Cursor {
  const members: readonly unknown[] = Array.isArray(value) ? value : [value];
  return members.every((member) => typeof member === 'string' || Number.isFinite(member));
}

/** A driver rounds integers of 64 bits unless it is told to return text. Two instances may then have one id. */
function isExact(id: unknown): boolean {
  return typeof id !== 'number' || Math.abs(id) <= Number.MAX_SAFE_INTEGER;
}

function isExactCursor(cursor: Cursor): boolean {
  return Array.isArray(cursor) ? cursor.every(isExact) : isExact(cursor);
}

const ROUNDED = `expected no number beyond ±${Number.MAX_SAFE_INTEGER}, because drivers round such numbers`;
const AS_TEXT = '(return text, and offer compareCursors)';

/** Names the most common cause: integers that the driver returns as text. */
function textHint(a: Cursor, b: Cursor): string {
  const isText = typeof a === 'string' && typeof b === 'string' && /^\d+$/.test(a) && /^\d+$/.test(b);
  return isText ? ' (these are compared as text: return numbers, or offer compareCursors)' : '';
}

function show(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`;
  try {
    return (JSON.stringify(value) ?? String(value)).slice(0, 200);
  } catch {
    return `something that is no JSON`; // a cycle, or a bigint within
  }
}
