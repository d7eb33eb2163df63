import { z } from 'zod';
import { oneLine } from '../../input/one-line.js';
import {
  describe,
  expecting,
  type Fields,
  nonBlank,
  objectWith,
  parseInput,
  wholeNumber,
} from '../../input/parse-input.js';
import type { Throttle } from '../../ports/throttle.js';
import { errorsWithin, textOf } from '../../run/calls/wrapped-errors.js';
import type { PostgresConnection } from '../database.js';

export interface AskPostgresOptions {
  /** The database, such as `fromPg(pool)`. */
  readonly database: PostgresConnection;
  /** What the number is, for the reason: 'active connections'. */
  readonly name: string;
  /** Returns one row with one number. A null holds the batch, too: use `coalesce` where it means 0. */
  readonly query: string;
  /** Batches go on while the number is at most this. */
  readonly max: number;
  /** The unit shown in the reason. @default none */
  readonly unit?: string | undefined;
  /** When a held batch asks again, in milliseconds. @default 5_000 */
  readonly retryAfterMs?: number | undefined;
}

/**
 * A throttle that sends a query before each batch, and holds the batch while the number is too great. If the query fails, or
 * returns anything but a number, the batch is held, too. The reason says so.
 * @throws {InvalidInputError} when an option is wrong.
 * @example
 * askPostgres({ database, name: 'active connections', max: 80,
 *   query: `select count(*) from pg_stat_activity where state = 'active'` })
 */
export function askPostgres(options: AskPostgresOptions): Throttle {
  const { unit, ...rest } = parseInput('askPostgres', schema, options);
  return holdWhileGreater({
    ...rest,
    show: (value) => (unit === undefined ? `${value}` : `${value} ${unit}`),
  });
}

/** The same, with options that were checked. */
export function holdWhileGreater({
  database,
  name,
  query,
  max,
  show,
  nullMeans = '',
  retryAfterMs = 5_000,
}: Omit<AskPostgresOptions, 'unit'> & {
  /** The number with its unit. */
  readonly show: (value: number) => string;
  /** What to say of a null. */
  readonly nullMeans?: string;
}): Throttle {
  return async () => {
    const answer = await database.query(query, []).then(
      (rows) => numberIn(rows) ?? `the query returned ${describeRows(rows)}${nullMeans}`,
      (error: unknown) => `the query failed: ${oneLine(messageOf(error), LONGEST_MESSAGE)}`,
    );
    if (typeof answer === 'string') return { reason: `${name} unknown, ${answer}`, retryAfterMs };
    if (answer <= max) return null;
    return { reason: `${name} ${show(answer)}, limit ${show(max)}`, retryAfterMs };
  };
}

const LONGEST_MESSAGE = 200;

const schema: z.ZodType<AskPostgresOptions> = z.strictObject({
  database: objectWith<PostgresConnection>('a database', ['query']),
  name: nonBlank,
  query: nonBlank,
  max: expecting<number>('a number', Number.isFinite),
  unit: nonBlank.optional(),
  retryAfterMs: wholeNumber(1, 86_400_000).optional(),
} satisfies Fields<AskPostgresOptions>);

/** Drivers return bigint and numeric as texts, unless told otherwise. */
function numberIn(rows: readonly unknown[]): number | null {
  const [value, ...others] = Object.values(Object(rows[0]));
  if (rows.length !== 1 || others.length > 0) return null;
  const isNumeric = typeof value === 'number' || typeof value === 'bigint' || isNumericText(value);
  return isNumeric && !Number.isNaN(Number(value)) ? Number(value) : null;
}

function isNumericText(value: unknown): boolean {
  return typeof value === 'string' && /^-?(\d+(\.\d+)?(e[+-]?\d+)?|Infinity)$/.test(value);
}

function describeRows(rows: readonly unknown[]): string {
  if (rows.length !== 1) return `${rows.length} rows, expected one row with one number`;
  const values: readonly unknown[] = Object.values(Object(rows[0]));
  const found = values.length === 1 ? describe(values[0]) : `${values.length} columns`;
  return `${found}, expected one row with one number`;
}

/** That of the server, which is the innermost one with a message. */
function messageOf(error: unknown): string {
  const messages = errorsWithin(error).map((wrapped) => textOf(wrapped, 'message'));
  return messages.findLast((message) => message !== '') ?? describe(error);
}
