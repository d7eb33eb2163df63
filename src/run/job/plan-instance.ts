import { isDeepStrictEqual } from 'node:util';
import { MetadataValueError } from '../../errors.js';
import { compilePath, type PathReader } from '../../extraction/extract-metadata.js';
import type { FormattedValue } from '../../extraction/format-metadata-value.js';
import { type JsonValue, toJsonValue } from '../../extraction/json-value.js';
import type {
  Cursor,
  FilledInstances,
  InstanceId,
  InstanceSnapshot,
  InstanceWrites,
  MetadataWrite,
  PageEntry,
  StoredValue,
  TaskData,
} from '../../ports/repository.js';
import { isFilled } from '../calls/page-entries.js';
import type { RunDefinition } from '../record/run-record.js';
import type { FailureCode, InstanceFailure } from '../record/tally.js';

/** What a run found under one key of an instance. */
export type Finding = 'value' | 'truncated' | 'kept' | 'null' | 'missing' | 'dropped';

/** The plan for one entry of a page: values to write, or a failure to count. */
export interface PlannedEntry {
  readonly cursor: Cursor;
  /** How many instances the entry stands for. */
  readonly instances: number;
  /** `null` for filled instances. */
  readonly writes: InstanceWrites | null;
  /** In the order of the definition's paths. Empty for a failure. */
  readonly findings: readonly Finding[];
  readonly failure: InstanceFailure | null;
}

export interface PlanRules {
  readonly paths: RunDefinition['paths'];
  readonly missing: RunDefinition['missing'];
  /** Keys that another run has taken over. */
  readonly droppedKeys: readonly string[];
  formatValue?(value: JsonValue): FormattedValue;
}

/** Decides from one entry of a page which values to write. Has no side effects, and odd data never makes it throw. */
export type InstancePlanner = (entry: PageEntry) => PlannedEntry;

export function compilePlanner(rules: PlanRules): InstancePlanner {
  const paths = rules.paths.map(
    ({ key, segments, mode }): PlannedPath => ({
      key,
      read: compilePath(segments),
      fills: mode === 'fill',
      isDropped: rules.droppedKeys.includes(key),
    }),
  );
  const filled = paths.map(({ isDropped }): Finding => (isDropped ? 'dropped' : 'kept'));
  return (snapshot) => {
    if (isFilled(snapshot)) return filledEntry(snapshot, filled);
    const values: MetadataWrite[] = [];
    const findings: Finding[] = [];
    let data: ReadableData | null = null;
    let key: string | null = null;
    try {
      for (const path of paths) {
        const stored = snapshot.stored.get(path.key);
        if (path.isDropped) findings.push('dropped');
        else if (path.fills && hasValue(stored)) findings.push('kept');
        else {
          key = null;
          data ??= readableData(snapshot.data);
          key = path.key;
          const value = data.values === null ? path.read(data.document) : readValue(data.values, key);
          findings.push(planValue(key, value, stored, snapshot, rules, values));
        }
      }
    } catch (error) {
      return failedInstance(snapshot, instanceFailure(snapshot.id, key, codeOf(error), error));
    }
    const writes = writesOf(snapshot, values);
    return { cursor: snapshot.cursor, instances: 1, writes, findings, failure: null };
  };
}

interface PlannedPath {
  readonly key: string;
  readonly read: PathReader;
  readonly fills: boolean;
  readonly isDropped: boolean;
}

/** Adds to `values` what to write under one key, and returns what was found. */
function planValue(
  key: string,
  value: JsonValue | undefined,
  stored: StoredValue | undefined,
  { running }: InstanceSnapshot,
  rules: PlanRules,
  values: MetadataWrite[],
): Finding {
  if (value === undefined || value === null) {
    if (rules.missing === 'null' && stored === undefined && running !== true)
      values.push({ key, value: null });
    return value === null ? 'null' : 'missing';
  }
  const { form, truncated } = storedForm(value, rules);
  if (!hasValue(stored)) values.push({ key, value: form });
  else if (isDeepStrictEqual(stored.value, form)) return 'kept';
  else values.push({ key, value: form, replaces: stored });
  return truncated ? 'truncated' : 'value';
}

function writesOf({ id, version }: InstanceSnapshot, values: readonly MetadataWrite[]): InstanceWrites {
  return version === undefined ? { id, values } : { id, values, version };
}

function filledEntry(
  { cursor, filled: instances }: FilledInstances,
  findings: readonly Finding[],
): PlannedEntry {
  return { cursor, instances, writes: null, findings, failure: null };
}

/** An instance with nothing to write but its failure to count. */
export function failedInstance(
  { id, cursor }: Pick<InstanceSnapshot, 'id' | 'cursor'>,
  failure: InstanceFailure,
): PlannedEntry {
  return { cursor, instances: 1, writes: { id, values: [] }, findings: [], failure };
}

/** The same instance, left to its live writer, which saved it after each time that it was read. */
export function leftAlone(planned: PlannedEntry, id: InstanceId): PlannedEntry {
  const findings = planned.findings.map((finding) =>
    finding === 'value' || finding === 'truncated' ? 'kept' : finding,
  );
  return { ...planned, writes: { id, values: [] }, findings };
}

/** Why one instance fails. Never leaves this file. */
class InstanceProblem extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }
}

/** Either the document to read the paths from, or the values by key. */
type ReadableData =
  | { readonly document: unknown; readonly values: null }
  | { readonly values: ReadonlyMap<string, JsonValue> };

function readableData(data: TaskData): ReadableData {
  switch (data.form) {
    case 'none':
      return NOTHING;
    case 'parsed':
      return { document: data.value, values: null };
    case 'json':
      return { document: parseJson(data.text), values: null };
    case 'values':
      return { values: data.values };
    case 'unreadable':
      throw new InstanceProblem('TASK_DATA_UNREADABLE', data.reason);
  }
}

const NOTHING: ReadableData = { values: new Map() };

/** The same checks as for a document: a driver may return what JSON cannot carry, or what is nested too deep. */
function readValue(values: ReadonlyMap<string, JsonValue>, key: string): JsonValue | undefined {
  const value = values.get(key);
  return value === undefined || typeof value === 'string' ? value : toJsonValue(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The parser's own message quotes the data, which does not belong in a log.
    throw new InstanceProblem('TASK_DATA_UNREADABLE', 'the task data is not valid JSON');
  }
}

function hasValue(stored: StoredValue | undefined): stored is StoredValue {
  return stored !== undefined && stored.value !== null;
}

function storedForm(value: JsonValue, rules: PlanRules): { form: JsonValue; truncated: boolean } {
  if (rules.formatValue === undefined) return { form: value, truncated: false };
  try {
    const { text, truncated } = rules.formatValue(value);
    return { form: text, truncated };
  } catch (error) {
    throw new InstanceProblem('WRITE_REJECTED', error instanceof Error ? error.message : String(error));
  }
}

function codeOf(error: unknown): FailureCode {
  if (error instanceof InstanceProblem || error instanceof MetadataValueError) return error.code;
  return 'TASK_DATA_UNREADABLE';
}

const REASON_LENGTH = 500;

/** A failure whose reason is short enough to be kept in the record of the run. */
export function instanceFailure(
  instanceId: InstanceId,
  key: string | null,
  code: FailureCode,
  error: unknown,
): InstanceFailure {
  const reason = error instanceof Error ? error.message : String(error);
  return { instanceId, key, code, reason: reason.slice(0, REASON_LENGTH) };
}
