import { InvalidInputError } from '../../errors.js';
import { describe, isStorable } from '../../input/parse-input.js';

/** A name as it stands in the catalog of PostgreSQL. */
export interface QualifiedName {
  /** `null`: the first schema of the `search_path` that has it. */
  readonly schema: string | null;
  readonly name: string;
}

/**
 * A name for use in a statement, such as `"app"."Orders"` for `app.Orders`. A dot separates the schema and means nothing else.
 * @param subject what the error message begins with.
 * @throws {InvalidInputError}
 */
export function quoteName(name: string, subject = 'name'): string {
  const parsed = parseName(name, subject);
  return [parsed.schema, parsed.name].flatMap((part) => (part === null ? [] : quoted(part))).join('.');
}

/** The name of a column, or any name without a schema. A dot is part of it. */
export function quoteIdentifier(name: string, subject = 'name'): string {
  const problem = problemOf(name, LONGEST);
  if (problem !== null) throw new InvalidInputError(`${subject}: ${problem}`);
  return quoted(name);
}

/**
 * @param longest how many bytes the name may have. Names that are derived from it must be names, too.
 * @throws {InvalidInputError}
 */
export function parseName(name: string, subject: string, longest: number = LONGEST): QualifiedName {
  const parts = typeof name === 'string' ? name.split('.') : [name];
  const [last, schema = null, ...others] = parts.toReversed();
  const problem =
    others.length > 0
      ? `expected 'table' or 'schema.table', got ${describe(name)}`
      : ((schema === null ? null : problemOf(schema, LONGEST)) ?? problemOf(last, longest));
  if (problem !== null) throw new InvalidInputError(`${subject}: ${problem}`);
  return { schema, name: String(last) };
}

/** PostgreSQL cuts a longer name, so that two names may become one. */
const LONGEST = 63;

function problemOf(part: unknown, longest: number): string | null {
  if (typeof part !== 'string' || part === '') return `expected a name, got ${describe(part)}`;
  if (!isStorable(part))
    return `expected a name without NUL and without half of a surrogate pair, got ${describe(part)}`;
  const bytes = Buffer.byteLength(part);
  return bytes > longest ? `expected a name of at most ${longest} bytes, got one of ${bytes}` : null;
}

function quoted(part: string): string {
  return `"${part.replaceAll('"', '""')}"`;
}
