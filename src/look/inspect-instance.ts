import { compileJsonReader } from '../extraction/compile-json-reader.js';
import { compilePath } from '../extraction/extract-metadata.js';
import type { JsonValue } from '../extraction/json-value.js';
import type { InstanceId, InstanceSnapshot, TaskData } from '../ports/repository.js';
import { pagePaths, type ReadPath } from '../run/job/page-paths.js';
import { compilePlanner, type Finding, type PlannedEntry, type PlanRules } from '../run/job/plan-instance.js';
import { readableData, valueAt } from '../run/job/readable-data.js';
import { shownValue } from '../run/job/shown-value.js';
import type { InstanceFailure } from '../run/record/tally.js';

/** What a run would find and do at one instance. Of its document, it keeps only short values. */
export interface InspectedInstance {
  readonly id: InstanceId;
  /** In the order of the paths. */
  readonly keys: readonly InspectedKey[];
  /** The rows of a run that overwrites the keys in `overwritten` and fills the others, but not those in `leftAlone`. Null rows count. */
  readonly fillRows: number;
  /** The same of a run that overwrites them all. */
  readonly overwriteRows: number;
}

/** One key of an instance, in `overwrite` mode. */
export interface InspectedKey {
  readonly finding: Finding;
  /** Of a value that was found. `null` if none was. */
  readonly type: ValueType | null;
  /** Whether the column would cut the value. */
  readonly isCut: boolean;
  /** What is stored. `null`: nothing, or a null row. */
  readonly before: JsonValue;
  /** What the path gives, in the stored form. `null`: nothing. */
  readonly after: JsonValue;
  /** `null` unless the finding is `failed`. */
  readonly failure: InstanceFailure | null;
}

/** What JSON calls the type of a value other than null. */
export type ValueType = 'string' | 'number' | 'boolean' | 'array' | 'object';

export type InstanceInspector = (snapshot: InstanceSnapshot) => InspectedInstance;

/** Has no side effects, and odd data never makes it throw. */
export function compileInspector(
  rules: Pick<PlanRules, 'missing' | 'deletes' | 'storesAnyText' | 'formatValue'> & {
    readonly paths: readonly ReadPath[];
    readonly leftAlone: ReadonlySet<string>;
    readonly overwritten: ReadonlySet<string>;
  },
): InstanceInspector {
  const all = { ...rules, clear: false, droppedKeys: [] };
  const fill = compilePlanner({
    ...all,
    paths: rules.paths.map((path) => ({
      ...path,
      mode: rules.overwritten.has(path.key) ? 'overwrite' : 'fill',
    })),
  });
  const overwrite = compilePlanner({
    ...all,
    paths: rules.paths.map((path) => ({ ...path, mode: 'overwrite' })),
  });
  const readJson = compileJsonReader(pagePaths(rules.paths));
  const paths = rules.paths.map(({ key, segments }) => ({ key, read: compilePath(segments) }));

  /** Text is parsed once for all plans. What cannot be parsed is left to them. */
  function parsedOnce(data: TaskData): TaskData {
    if (data.form !== 'json') return data;
    try {
      return { form: 'values', values: readJson(data.text), exact: true };
    } catch {
      return data;
    }
  }

  function valuesIn(data: TaskData): (JsonValue | undefined)[] {
    try {
      const readable = readableData(data, readJson);
      return paths.map((path) => orUndefined(() => valueAt(path, readable)));
    } catch {
      return []; // the plan has it as a failure
    }
  }

  const isCut = (value: JsonValue): boolean =>
    orUndefined(() => rules.formatValue?.(value).truncated) === true;

  const rowsOf = ({ writes }: PlannedEntry): number =>
    writes?.values.filter(({ key }) => !rules.leftAlone.has(key)).length ?? 0;

  return (given) => {
    const snapshot = { ...given, data: parsedOnce(given.data) };
    const overwritten = overwrite(snapshot);
    const { findings, failures, writes } = overwritten;
    const values = valuesIn(snapshot.data);
    const written = new Map(writes?.values.map(({ key, value }) => [key, value]));
    const keys = paths.map(({ key }, index): InspectedKey => {
      const finding = findings[index] ?? 'failed';
      const value = values[index] ?? null;
      const isFound = FOUND.has(finding) && value !== null;
      const stored = snapshot.stored.get(key)?.value ?? null;
      const failure = failures.find((failed) => failed.key === key || failed.key === null) ?? null;
      return {
        finding,
        type: isFound ? typeOf(value) : null,
        isCut: isFound && isCut(value),
        before: shown(stored),
        after: isFound ? shown(written.has(key) ? written.get(key) : stored) : null,
        failure,
      };
    });
    return {
      id: snapshot.id,
      keys,
      fillRows: rowsOf(fill(snapshot)),
      overwriteRows: rowsOf(overwritten),
    };
  };
}

/** Findings of a value at the path. */
export const FOUND: ReadonlySet<Finding> = new Set<Finding>([
  'value',
  'truncated',
  'replaced',
  'replaced-truncated',
  'kept',
]);

/** The most characters of a value that a preview shows. */
const LONGEST_SHOWN = 200;

/** The value, or the beginning of its text if that is long. */
export function shown(value: unknown): JsonValue {
  return shownValue(value, LONGEST_SHOWN);
}

function typeOf(value: Exclude<JsonValue, null>): ValueType {
  return Array.isArray(value) ? 'array' : (typeof value as ValueType);
}

function orUndefined<Value>(read: () => Value): Value | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
