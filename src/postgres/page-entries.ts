import type { JsonValue } from '../extraction/json-value.js';
import type { Cursor, InstanceId, InstanceSnapshot, PageEntry, TaskData } from '../ports/repository.js';
import { parseStored } from './metadata/parse-stored.js';
import { cursorOf } from './tables/instances.js';
import type { Projection } from './tables/projection.js';
import type { Tables } from './tables/tables.js';

/** A row that the statement of a page returns. */
export interface InstanceRow {
  readonly id: InstanceId;
  readonly created?: string;
  /** Those of the previous instance, where cursors are not numbers. */
  readonly priorid?: InstanceId | null;
  readonly priorcreated?: string | null;
  /** Its number among the instances that were looked at, from 1. */
  readonly place: number;
  /** Whether the page shows it. If not, it is the last one that was looked at, and it is filled. */
  readonly shown: boolean;
  readonly running: boolean;
  /** Whether the table of the metadata is small. */
  readonly small: boolean;
  /** JSON: what is stored under the keys of the page, or a string that says why it cannot be read. */
  readonly stored: string | null;
  /** `null`: no task has completed. */
  readonly version: string | null;
  /** What `read` has returned, or its argument. */
  readonly data: TaskData | string | null;
}

/** What the rows of a page, in order, say about the instances. */
export function entriesOf(rows: readonly InstanceRow[], tables: Tables, projection: Projection): PageEntry[] {
  return rows.flatMap((row, index): PageEntry[] => {
    const { shown, place } = row;
    const passed = place - (rows[index - 1]?.place ?? 0) - (shown ? 1 : 0);
    const filled = passed > 0 ? [{ cursor: lastFilled(row), filled: passed }] : [];
    return shown ? [...filled, snapshotOf(row, tables, projection)] : filled;
  });
}

/**
 * A cursor for the filled instances up to this row, which is one of them if it is not shown. It need not be that of an instance:
 * whatever lies between the last of them and a shown row will do.
 */
function lastFilled({ id, created, shown, priorid, priorcreated }: InstanceRow): Cursor {
  if (!shown) return cursorOf(id, created);
  if (priorid !== undefined && priorid !== null) return cursorOf(priorid, priorcreated);
  return typeof id === 'number' ? id - 1 : String(BigInt(id) - 1n);
}

function snapshotOf(
  row: InstanceRow,
  { instances: { running } }: Tables,
  projection: Projection,
): InstanceSnapshot {
  const { id, created, version } = row;
  const isCompared = running === null || row.running;
  const stored = row.stored === null ? [] : (parseStored(row.stored) as StoredRows | string);
  const isReadable = typeof stored !== 'string';
  return {
    id,
    cursor: cursorOf(id, created),
    data: isReadable ? taskDataOf(row, projection) : { form: 'unreadable', reason: stored },
    stored: isReadable ? storedValues(stored) : NO_ROWS,
    ...(row.running && { running: true }),
    ...(isCompared && { version: version ?? '' }),
  };
}

function taskDataOf({ version, data }: InstanceRow, { read }: Projection): TaskData {
  if (version === null) return { form: 'none' };
  if (data === null)
    return { form: 'unreadable', reason: `there is no document for the task data of version ${version}` };
  return typeof data === 'string' ? read(data) : data;
}

const NO_ROWS: InstanceSnapshot['stored'] = new Map();

type StoredRows = readonly (readonly [key: string, value: JsonValue, token: string | null])[];

function storedValues(rows: StoredRows): InstanceSnapshot['stored'] {
  return new Map(rows.map(([key, value, token]) => [key, token === null ? { value } : { value, token }]));
}
