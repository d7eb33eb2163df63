import type { FormattedValue } from '../../extraction/format-metadata-value.js';
import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceId, PageQuery } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import type { Parameters } from '../sql/parameters.js';

/** How a repository reads and writes metadata: as rows, or as members of a column of the instance. */
export interface MetadataStore {
  /** The lock on an instance under which its metadata are written. It waits for a save of the instance. */
  readonly lock: 'for share' | 'for no key update';
  readonly storesNull: boolean;
  /** `json` keeps a NUL and half of a surrogate pair in their escaped form. `text` and `jsonb` refuse both. */
  readonly storesAnyText: boolean;
  readonly maxKeyLength: number | undefined;
  /** The stored form of a value, where that is text. `undefined`: values are stored as JSON. */
  readonly formatValue: ((value: JsonValue) => FormattedValue) | undefined;

  /**
   * SQL: how many of these keys have a value other than null, for the instance with the id `i.id`. Null if the count is unknown or
   * the stored values cannot be read. The page then shows the instance.
   */
  filledKeys(page: FillPage, bound: Parameters): string;
  /**
   * SQL: a JSON list of what is stored for `i` under these keys, each `[key, value, token]`. Null: nothing. A JSON string says why the
   * stored values cannot be read.
   */
  stored(keys: string): string;

  /**
   * The parts of a statement that writes a batch only if nobody else has written since it was read.
   */
  undisturbed(writes: Writes, bound: Parameters): UndisturbedWrites;
  /**
   * Writes each value only if its guard holds, for instances that are locked.
   * @returns the values that were written.
   */
  writeGuarded(connection: PostgresConnection, writes: Writes): Promise<readonly Written[]>;
}

export interface FillPage {
  /** SQL of an array. */
  readonly keys: string;
  readonly keyCount: number;
  readonly range: Omit<PageQuery, 'limit' | 'paths'>;
  /** How many instances the page looks at. */
  readonly reach: number;
}

/** The values to write, by the kind of write. */
export interface Writes {
  readonly inserts: readonly InsertedValue[];
  readonly replacements: readonly ReplacedValue[];
  readonly deletes: readonly DeletedValue[];
}

export interface Written {
  readonly id: InstanceId;
  readonly key: string;
}

export interface InsertedValue extends Written {
  readonly value: JsonValue;
}

export interface DeletedValue extends Written {
  /** What was read. */
  readonly replaces: { readonly value: JsonValue; readonly token?: string };
}

export interface ReplacedValue extends DeletedValue {
  readonly value: JsonValue;
}

export interface UndisturbedWrites {
  /** A condition of each locked instance `i`: nobody has written its metadata. */
  readonly isFree: string;
  /** Conditions of the whole batch. */
  readonly conditions: readonly string[];
  /** Common table expressions that write, each only if `backfill_stored` has a row. */
  readonly parts: readonly string[];
}
