import type { JsonReader } from '../../extraction/compile-json-reader.js';
import type { PathReader } from '../../extraction/extract-metadata.js';
import { isPlain, type JsonValue, type JsonValueOptions, toJsonValue } from '../../extraction/json-value.js';
import { parseJson } from '../../extraction/parse-json.js';
import type { TaskData } from '../../ports/repository.js';
import type { FailureCode } from '../record/tally.js';

/**
 * Either the document to read the paths from, or the values by key. Plain JSON is shared, because
 * a copy takes about as long as parsing.
 */
export type ReadableData = JsonValueOptions &
  (
    | { readonly document: unknown; readonly values: null }
    | { readonly values: ReadonlyMap<string, JsonValue> }
  );

/** @throws {@link InstanceProblem} or {@link MetadataValueError} when the document cannot be read. */
export function readableData(data: TaskData, readJson: JsonReader): ReadableData {
  switch (data.form) {
    case 'none':
      return NOTHING;
    case 'parsed':
      // A driver parses a JSON column that holds a text to that text: it may be JSON, encoded twice.
      if (typeof data.value === 'string') parseJson(JSON.stringify(data.value));
      assertDocument(data.value);
      return { document: data.value, values: null, exact: data.exact, shares: true };
    case 'json':
      return { values: readJson(data.text), exact: true, shares: true };
    case 'values':
      return { values: data.values, exact: data.exact, shares: true };
    case 'unreadable':
      throw new InstanceProblem('TASK_DATA_UNREADABLE', data.reason);
  }
}

const NOTHING: ReadableData = { values: new Map() };

/** Bytes, or a promise that nobody awaited, would look like a document without any of the paths. */
function assertDocument(value: unknown): void {
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1); // Uint8Array for a Buffer
  const isPlainObject = tag !== 'Object' || isPlain(value as object);
  if (DOCUMENTS.has(tag) && isPlainObject && !Number.isNaN(value)) return;
  const found = isPlainObject ? (tag === 'Number' ? 'NaN' : tag) : 'an instance of a class';
  const reason = `the parsed document is ${found}, expected what JSON.parse returns. Hand bytes over as text: { form: 'json', text: bytes.toString('utf8') }`;
  throw new InstanceProblem('TASK_DATA_UNREADABLE', reason);
}

const DOCUMENTS: ReadonlySet<string> = new Set(
  'Object Array String Number Boolean Null Undefined'.split(' '),
);

/** A path to read, and the key that its value has on a page of values. */
export interface CompiledPath {
  readonly key: string;
  readonly read: PathReader;
}

/** @throws {@link MetadataValueError} when JSON cannot carry the value. */
export function valueAt({ key, read }: CompiledPath, data: ReadableData): JsonValue | undefined {
  return data.values === null ? read(data.document, data) : readValue(data.values, key, data);
}

/** The same checks as for a document: a driver may return what JSON cannot carry, or what is nested too deep. */
function readValue(
  values: ReadonlyMap<string, JsonValue>,
  key: string,
  options: JsonValueOptions,
): JsonValue | undefined {
  const value = values.get(key);
  return value === undefined || typeof value === 'string' ? value : toJsonValue(value, options);
}

/** Why one instance fails. Planning turns it into a failure. */
export class InstanceProblem extends Error {
  constructor(
    readonly code: FailureCode,
    message: string,
  ) {
    super(message);
  }
}
