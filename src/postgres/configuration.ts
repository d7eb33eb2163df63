import { z } from 'zod';
import {
  aFunction,
  expecting,
  nonBlank,
  objectWith,
  oneOf,
  optionGroup,
  parseInput,
  trueOrFalse,
  wholeNumber,
} from '../input/parse-input.js';
import type { PostgresDatabase } from './database.js';

// Names of tables and columns are written as in the catalog of PostgreSQL, and the library quotes them. `schema.table` names a
// table in a schema. SQL is the host's own, and trusted. In it, `i` is a row of the table of instances.

export interface PostgresConfiguration<Transaction = never, Type extends IdType = 'int'> {
  /** The host's own connection, such as `fromPg(pool)`. */
  readonly database: PostgresDatabase<Transaction>;
  readonly instances: InstancesTable<Type>;
  readonly taskData: TaskDataSource;
  readonly metadata: MetadataRows | MetadataMembers;
  /** Where the library stores its runs. `createRunTable()` makes the table. */
  readonly runs?: { /** @default 'metadata_backfill_run' */ readonly table?: string | undefined } | undefined;
}

/** `int` ids become numbers, others strings. */
export type IdType = 'int' | 'bigint' | 'uuid' | 'text';

export interface InstancesTable<Type extends IdType = 'int'> {
  readonly table: string;
  /** The column with the process model. */
  readonly model: string;
  /** The type of that column. @default 'text', which also fits varchar */
  readonly modelType?: IdType | undefined;
  /** The primary key. @default { column: 'id', type: 'int' } */
  readonly id?: { readonly column?: string | undefined; readonly type?: Type | undefined } | undefined;
  /**
   * The column with the time of creation, by which instances are walked. Leave it out if ids ascend, as those of sequences,
   * UUIDs of version 7 and ULIDs do.
   */
  readonly createdAt?:
    | string
    | { readonly column: string; readonly type: 'timestamptz' | 'timestamp' }
    | undefined;
  /** A condition in SQL. Other instances, such as soft-deleted ones, do not count. @default all count */
  readonly where?: string | undefined;
  /**
   * A condition in SQL, true while the instance executes. It then gets no null rows, and its version is compared.
   * @default none: all get null rows, and all versions are compared
   */
  readonly running?: string | undefined;
}

/** Where the document with the newest task data of an instance is. */
export type TaskDataSource = (OwnColumn | TableOfDocuments | NewestTask) & {
  /**
   * The type of the document. From `jsonb` the database extracts the values, and from the others this library does.
   * @default 'json'
   */
  readonly type?: 'json' | 'jsonb' | 'text' | undefined;
  /** Decodes a document that is stored in another format than JSON. It gets the text, and returns the task data. */
  readonly parse?: ((text: string) => unknown) | undefined;
};

/** In a column of the instance. Null: no task has completed. */
export interface OwnColumn {
  readonly column: string;
}

/** In another table, with one row per instance. No row: no task has completed. */
export interface TableOfDocuments {
  readonly table: string;
  /** The column with the id of the instance. */
  readonly instance: string;
  readonly column: string;
}

/** Found by SQL of the host. */
export interface NewestTask {
  /**
   * A SELECT of at most one row, which has a column `version`. The version changes when the task data do. No row: no task has
   * completed.
   */
  readonly newest: string;
  /** An expression or a SELECT of the document, over `i` and the row `newest`. Null: the document is lost, and the instance fails. */
  readonly document: string;
}

/** Metadata as rows of a table with a unique key over instance and key. */
export interface MetadataRows {
  readonly table: string;
  /** The column with the id of the instance. */
  readonly instance: string;
  /** @default 'key' */
  readonly key?: string | undefined;
  /** @default 'value' */
  readonly value?: string | undefined;
  /** The type of `value`. @default 'text', which also fits varchar */
  readonly type?: 'text' | 'json' | 'jsonb' | undefined;
  /** Whether `value` takes null. If not, no null rows are written. @default true */
  readonly nullable?: boolean | undefined;
  /** The most characters that a value of the type `text` may have. Longer ones are cut. @default no limit */
  readonly maxLength?: number | undefined;
  /** The most characters that a key may have. @default no limit */
  readonly maxKeyLength?: number | undefined;
  /** How values become text. `python` writes what spiff-arena writes. @default 'json' */
  readonly style?: 'json' | 'python' | undefined;
  /**
   * Values of further columns, in SQL, for rows that are inserted. A constant in a subselect is calculated once per statement.
   * @default none
   */
  readonly insert?: Readonly<Record<string, string>> | undefined;
  /** The same for rows that are replaced. @default none */
  readonly update?: Readonly<Record<string, string>> | undefined;
}

/**
 * Metadata as members of a jsonb column of the instance. The column must hold an object or null. Otherwise the instance fails with
 * TASK_DATA_UNREADABLE.
 */
export interface MetadataMembers {
  readonly column: string;
  /** Values of further columns of the instance, in SQL, when members change. @default none */
  readonly update?: Readonly<Record<string, string>> | undefined;
}

/**
 * @returns the configuration itself.
 * @throws {InvalidInputError}
 */
export function parseConfiguration<Transaction, Type extends IdType>(
  configuration: PostgresConfiguration<Transaction, Type>,
): PostgresConfiguration<Transaction, Type> {
  parseInput('createPostgresRepository', schemaFor(configuration), configuration);
  return configuration;
}

const name: z.ZodType<string> = nonBlank;
const sql: z.ZodType<string> = expecting<string>(
  'SQL without a semicolon at its end and without parameters such as $1',
  (value) => typeof value === 'string' && value.trim() !== '' && !/;\s*$|\$\d/.test(value),
);
const columns: z.ZodType<Readonly<Record<string, string>>> = expecting(
  "an object of columns, each with its SQL, such as { created_at: 'now()' }",
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((one) => sql.safeParse(one).success),
);
const idType = oneOf('int', 'bigint', 'uuid', 'text');
const decoding = {
  type: oneOf('json', 'jsonb', 'text').optional(),
  parse: aFunction<(text: string) => unknown>().optional(),
};

/** Where several forms are possible, the members that are given show which one is meant. */
function schemaFor(configuration: unknown): z.ZodType<unknown> {
  const { instances, taskData, metadata } = Object(configuration) as Readonly<Record<string, unknown>>;
  return z.strictObject({
    database: objectWith<PostgresDatabase>('a connection such as fromPg(pool), an object', [
      'query',
      'transaction',
    ]),
    instances: optionGroup({
      table: name,
      model: name,
      modelType: idType.optional(),
      id: optionGroup({ column: name.optional(), type: idType.optional() }).optional(),
      createdAt: has(Object(instances).createdAt, 'column')
        ? optionGroup({ column: name, type: oneOf('timestamptz', 'timestamp') })
        : name.optional(),
      where: sql.optional(),
      running: sql.optional(),
    }),
    taskData: taskDataSchema(taskData),
    metadata: has(metadata, 'table')
      ? optionGroup({
          table: name,
          instance: name,
          key: name.optional(),
          value: name.optional(),
          type: oneOf('text', 'json', 'jsonb').optional(),
          nullable: trueOrFalse.optional(),
          maxLength: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
          maxKeyLength: wholeNumber(1, Number.MAX_SAFE_INTEGER).optional(),
          style: oneOf('json', 'python').optional(),
          insert: columns.optional(),
          update: columns.optional(),
        })
      : optionGroup({ column: name, update: columns.optional() }),
    runs: optionGroup({ table: name.optional() }).optional(),
  });
}

function taskDataSchema(taskData: unknown): z.ZodType<unknown> {
  if (has(taskData, 'newest') || has(taskData, 'document'))
    return optionGroup({ newest: sql, document: sql, ...decoding });
  if (has(taskData, 'table')) return optionGroup({ table: name, instance: name, column: name, ...decoding });
  return optionGroup({ column: name, ...decoding });
}

function has(group: unknown, member: string): boolean {
  return typeof group === 'object' && group !== null && Object.hasOwn(group, member);
}
