import { isDeepStrictEqual } from 'node:util';
import { MetadataValueError } from '../errors.js';
import { readPath } from '../extraction/extract-metadata.js';
import type { FormattedValue } from '../extraction/format-metadata-value.js';
import type { JsonValue } from '../extraction/json-value.js';
import type {
  Cursor,
  InstanceId,
  InstanceSnapshot,
  MetadataWrite,
  StoredValue,
  TaskData,
} from '../ports/repository.js';
import type { DefinedPath, RunDefinition } from './run-record.js';
import type { FailureCode, InstanceFailure } from './tally.js';

/** What a run found under one key of an instance. */
export type Finding = 'value' | 'truncated' | 'kept' | 'null' | 'missing' | 'dropped';

/** What is to be done for one instance: values to write, or a failure to count. */
export interface PlannedInstance {
  readonly id: InstanceId;
  readonly cursor: Cursor;
  readonly version: string | undefined;
  readonly writes: readonly MetadataWrite[];
  /** In the order of the definition's paths; empty for a failure. */
  readonly findings: readonly Finding[];
  readonly failure: InstanceFailure | null;
}

export interface PlanRules {
  readonly paths: RunDefinition['paths'];
  readonly missing: RunDefinition['missing'];
  /** Keys that another run has taken over. */
  readonly dropped: readonly string[];
  formatValue?(value: JsonValue): FormattedValue;
}

/** Decides, from what the page saw, which values to write. Touches nothing, never throws over odd data. */
export function planInstance(snapshot: InstanceSnapshot, rules: PlanRules): PlannedInstance {
  const { id, cursor, version } = snapshot;
  const base = { id, cursor, version };
  let key: string | null = null;
  try {
    const writes: MetadataWrite[] = [];
    let read: ValueReader | null = null;
    const findings = rules.paths.map((path): Finding => {
      if (rules.dropped.includes(path.key)) return 'dropped';
      const stored = snapshot.stored.get(path.key);
      if (path.mode === 'fill' && hasValue(stored)) return 'kept';
      key = null;
      read ??= valueReader(snapshot.data);
      key = path.key;
      const value = read(path);
      if (value === undefined || value === null) {
        const writesNull = rules.missing === 'null' && stored === undefined && snapshot.running !== true;
        if (writesNull) writes.push({ key, value: null });
        return value === null ? 'null' : 'missing';
      }
      const { form, truncated } = storedForm(value, rules);
      if (!hasValue(stored)) writes.push({ key, value: form });
      else if (isDeepStrictEqual(stored.value, form)) return 'kept';
      else writes.push({ key, value: form, replaces: stored });
      return truncated ? 'truncated' : 'value';
    });
    return { ...base, writes, findings, failure: null };
  } catch (error) {
    return failed(base, instanceFailure(id, key, codeOf(error), error));
  }
}

/** The same instance with nothing to write but its failure to count. */
export function failed(
  instance: Pick<PlannedInstance, 'id' | 'cursor' | 'version'>,
  failure: InstanceFailure,
): PlannedInstance {
  const { id, cursor } = instance;
  return { id, cursor, version: undefined, writes: [], findings: [], failure };
}

/** The same instance left to its live writer, which was faster than every attempt to read it. */
export function leftAlone(instance: PlannedInstance): PlannedInstance {
  const findings = instance.findings.map((finding) =>
    finding === 'value' || finding === 'truncated' ? 'kept' : finding,
  );
  return { ...instance, version: undefined, writes: [], findings };
}

type ValueReader = (path: DefinedPath) => JsonValue | undefined;

/** Why one instance cannot be done; never leaves this file. */
class InstanceProblem extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }
}

function valueReader(data: TaskData): ValueReader {
  switch (data.form) {
    case 'none':
      return () => undefined;
    case 'parsed':
      return ({ segments }) => readPath(data.value, segments);
    case 'json': {
      const value = parseJson(data.text);
      return ({ segments }) => readPath(value, segments);
    }
    case 'values':
      return ({ key }) => data.values.get(key);
    case 'unreadable':
      throw new InstanceProblem('TASK_DATA_UNREADABLE', data.reason);
  }
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
