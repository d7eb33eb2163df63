import { isDeepStrictEqual } from 'node:util';
import { MetadataValueError } from '../../errors.js';
import { compileJsonReader } from '../../extraction/compile-json-reader.js';
import { compilePath } from '../../extraction/extract-metadata.js';
import type { FormattedValue } from '../../extraction/format-metadata-value.js';
import type { JsonValue } from '../../extraction/json-value.js';
import { oneLine } from '../../input/one-line.js';
import { withoutStack } from '../../input/without-stack.js';
import type {
  Cursor,
  FilledInstances,
  InstanceId,
  InstanceSnapshot,
  InstanceWrites,
  MetadataWrite,
  PageEntry,
  StoredValue,
} from '../../ports/repository.js';
import { isFilled } from '../calls/page-entries.js';
import { bounded, reasonOf } from '../calls/reason-of.js';
import type { InstanceDifference } from '../record/difference-counts.js';
import type { RunDefinition } from '../record/run-record.js';
import type { FailureCode, InstanceFailure } from '../record/tally.js';
import { isStorableValue } from './is-storable-value.js';
import { formerKey, pagePaths, type ReadPath } from './page-paths.js';
import {
  type CompiledPath,
  InstanceProblem,
  type ReadableData,
  readableData,
  valueAt,
} from './readable-data.js';

/**
 * What a run found under one key of an instance, and what it does about it. `replaced`: a value over another value.
 * `orphaned`: a stored value, although the path finds nothing or a JSON null. It stays. `cleared`: it goes, and is
 * counted as orphaned, too.
 */
export type Finding =
  | 'value'
  | 'truncated'
  | 'replaced'
  | 'replaced-truncated'
  | 'kept'
  | 'null'
  | 'null-orphaned'
  | 'null-cleared'
  | 'missing'
  | 'missing-orphaned'
  | 'missing-cleared'
  | 'failed'
  | 'dropped';

/** The plan for one entry of a page: values to write, and failures to count. */
export interface PlannedEntry {
  readonly cursor: Cursor;
  /** How many instances the entry stands for. */
  readonly instances: number;
  /** `null` for filled instances. */
  readonly writes: InstanceWrites | null;
  /** In the order of the definition's paths. */
  readonly findings: readonly Finding[];
  /** Of the instance, or of some of its keys. Any of them makes the outcome of the instance `failed`. */
  readonly failures: readonly InstanceFailure[];
  /** Of a dry run: what would be written. @default nothing */
  readonly differences?: readonly InstanceDifference[];
  /** Where it was left behind and is read again by its id. `null`: it is on the page after the checkpoint. */
  readonly reread: Reread | null;
}

/** Whether values are to be written. */
export function hasValues(entry: PlannedEntry): entry is PlannedEntry & { readonly writes: InstanceWrites } {
  return entry.writes !== null && entry.writes.values.length > 0;
}

/** How many instances count for the size of a batch: no filled ones, nor those that are read again by their ids. */
export function batchSizeOf(entries: readonly PlannedEntry[]): number {
  let size = 0;
  for (const { writes, reread } of entries) if (writes !== null && reread === null) size += 1;
  return size;
}

export interface Reread {
  readonly id: InstanceId;
  /** How often it has been read again, this time included. */
  readonly tries: number;
  /** Whether it was found. If not, it is gone, or the page came from a replica that lags behind. */
  readonly isFound: boolean;
}

export interface PlanRules extends Pick<RunDefinition, 'missing' | 'clear'> {
  readonly paths: readonly ReadPath[];
  /** Whether rows can be deleted. */
  readonly deletes: boolean;
  /** Keys that another run has taken over. */
  readonly droppedKeys: readonly string[];
  /** @default true */
  readonly storesAnyText?: boolean | undefined;
  formatValue?(value: JsonValue): FormattedValue;
}

/** Decides from one entry of a page which values to write. Has no side effects, and odd data never makes it throw. */
export type InstancePlanner = (entry: PageEntry) => PlannedEntry;

export function compilePlanner(rules: PlanRules): InstancePlanner {
  const paths = rules.paths.map(
    ({ key, segments, mode, formerPaths }): PlannedPath => ({
      key,
      read: compilePath(segments),
      former: formerPaths.map((path, index) => ({ key: formerKey(key, index), read: compilePath(path) })),
      fills: mode === 'fill',
      removes: mode === 'remove',
      isDropped: rules.droppedKeys.includes(key),
    }),
  );
  const clearingRules: PlanRules = {
    ...rules,
    clear: rules.clear || rules.missing === 'null' || rules.deletes,
  };
  const readJson = compileJsonReader(pagePaths(rules.paths));
  const kept = paths.map(({ isDropped }): Finding => (isDropped ? 'dropped' : 'kept'));

  return (entry) => {
    if (isFilled(entry)) return filledEntry(entry, kept);
    const values: MetadataWrite[] = [];
    const findings: Finding[] = [];
    const failures: InstanceFailure[] = [];
    let data: ReadableData | null = null;
    for (const path of paths) {
      const stored = entry.stored.get(path.key);
      if (path.isDropped) findings.push('dropped');
      else if (path.removes) findings.push(planRemoval(path.key, stored, values));
      else if (path.fills && hasValue(stored) && path.former.length === 0) findings.push('kept');
      else {
        try {
          data ??= withoutStack(() => readableData(entry.data, readJson));
        } catch (error) {
          const failure = instanceFailure(entry.id, null, codeOf(error), error);
          return failedInstance({ cursor: entry.cursor, findings: kept, reread: null }, failure);
        }
        const isFormer =
          path.former.length > 0 && hasValue(stored) && isFromFormerPath(path, stored, data, rules);
        if (path.fills && hasValue(stored) && !isFormer) {
          findings.push('kept');
          continue;
        }
        try {
          const value = valueAt(path, data);
          findings.push(planValue(path, value, stored, entry, isFormer ? clearingRules : rules, values));
        } catch (error) {
          findings.push('failed');
          failures.push(instanceFailure(entry.id, path.key, codeOf(error), error));
        }
      }
    }
    // An instance that needs no value is not compared: it may be saved as often as its writer likes.
    const writes = data === null ? { id: entry.id, values } : writesOf(entry, values);
    return { cursor: entry.cursor, instances: 1, writes, findings, failures, reread: null };
  };
}

interface PlannedPath extends CompiledPath {
  readonly former: readonly CompiledPath[];
  readonly fills: boolean;
  readonly removes: boolean;
  readonly isDropped: boolean;
}

/** Whether a run that has not completed may have written the row: it is what the path of that run gives. */
function isFromFormerPath(
  { former }: PlannedPath,
  stored: StoredValue,
  data: ReadableData,
  rules: PlanRules,
): boolean {
  return former.some((path) => {
    try {
      const value = valueAt(path, data) ?? null;
      return value !== null && isDeepStrictEqual(stored.value, storedForm(value, rules).form);
    } catch {
      return false; // a value that cannot be stored was not
    }
  });
}

/** The very row that was read goes, whatever the task data holds. */
function planRemoval(key: string, stored: StoredValue | undefined, values: MetadataWrite[]): Finding {
  if (stored === undefined) return 'missing';
  values.push({ key, replaces: stored });
  return hasValue(stored) ? 'missing-cleared' : 'missing';
}

/** Adds to `values` what to write under one key, and returns what was found. */
function planValue(
  path: PlannedPath,
  value: JsonValue | undefined,
  stored: StoredValue | undefined,
  snapshot: InstanceSnapshot,
  rules: PlanRules,
  values: MetadataWrite[],
): Finding {
  if (value === undefined || value === null)
    return planNothing(path, value === null ? 'null' : 'missing', stored, snapshot, rules, values);
  const { key } = path;
  const { form, truncated } = storedForm(value, rules);
  if (!hasValue(stored)) {
    values.push({ key, value: form });
    return truncated ? 'truncated' : 'value';
  }
  if (isDeepStrictEqual(stored.value, form)) return 'kept';
  values.push({ key, value: form, replaces: stored });
  return truncated ? 'replaced-truncated' : 'replaced';
}

/** A running instance gets no null row and keeps its values: its own next save decides. */
function planNothing(
  { key }: PlannedPath,
  found: 'null' | 'missing',
  stored: StoredValue | undefined,
  { running = false }: InstanceSnapshot,
  { missing, clear }: PlanRules,
  values: MetadataWrite[],
): Finding {
  const writesNull = missing === 'null' && !running;
  if (stored === undefined && writesNull) values.push({ key, value: null });
  if (!hasValue(stored)) return found;
  if (!clear || running) return `${found}-orphaned`;
  values.push(missing === 'null' ? { key, value: null, replaces: stored } : { key, replaces: stored });
  return `${found}-cleared`;
}

/** Values that come from the task data are written only while that is the newest. */
function writesOf({ id, version }: InstanceSnapshot, values: readonly MetadataWrite[]): InstanceWrites {
  return version === undefined ? { id, values } : { id, values, version };
}

function filledEntry(
  { cursor, filled: instances }: FilledInstances,
  findings: readonly Finding[],
): PlannedEntry {
  return { cursor, instances, writes: null, findings, failures: [], reread: null };
}

/** An instance that fails as a whole: no writes, one failure. */
export function failedInstance(
  { cursor, findings, reread }: Pick<PlannedEntry, 'cursor' | 'findings' | 'reread'>,
  failure: InstanceFailure,
): PlannedEntry {
  return {
    cursor,
    instances: 1,
    writes: { id: failure.instanceId, values: [] },
    findings: findings.map((finding) => (finding === 'dropped' ? finding : 'failed')),
    failures: [failure],
    reread,
  };
}

/** Findings that stand for a write over an absent row, a null row or another value. */
export const WRITING: ReadonlySet<Finding> = new Set<Finding>([
  'value',
  'truncated',
  'replaced',
  'replaced-truncated',
  'null-cleared',
  'missing-cleared',
]);

interface StoredForm {
  readonly form: JsonValue;
  readonly truncated: boolean;
}

function hasValue(stored: StoredValue | undefined): stored is StoredValue {
  return stored !== undefined && stored.value !== null;
}

function storedForm(value: JsonValue, rules: PlanRules): StoredForm {
  const stored = formatted(value, rules);
  if (rules.storesAnyText === false && !isStorableValue(stored.form))
    throw new InstanceProblem(
      'WRITE_REJECTED',
      'the value contains a NUL or half of a surrogate pair, which the metadata column cannot store',
    );
  return stored;
}

function formatted(value: JsonValue, rules: PlanRules): StoredForm {
  if (rules.formatValue === undefined) return { form: value, truncated: false };
  let answer: unknown;
  try {
    answer = rules.formatValue(value);
  } catch (error) {
    throw new InstanceProblem('WRITE_REJECTED', messageOf(error));
  }
  const { text, truncated } = Object(answer) as Partial<FormattedValue>;
  if (typeof text !== 'string')
    throw new InstanceProblem('WRITE_REJECTED', 'formatValue returned no { text, truncated } with a text');
  return { form: text, truncated: truncated === true };
}

function codeOf(error: unknown): FailureCode {
  if (error instanceof InstanceProblem || error instanceof MetadataValueError) return error.code;
  return 'TASK_DATA_UNREADABLE';
}

/** A failure whose reason is short enough to be kept in the record of the run. */
export function instanceFailure(
  instanceId: InstanceId,
  key: string | null,
  code: FailureCode,
  error: unknown,
): InstanceFailure {
  return { instanceId, key, code, reason: oneLine(bounded(messageOf(error)), 500) };
}

/** In the words of who threw it: the host's own code, or this library's. */
function messageOf(error: unknown): string {
  if (typeof error === 'string') return error;
  return error instanceof Error && typeof error.message === 'string' ? error.message : reasonOf(error);
}
