import type { JsonValue, PagePath, TaskData } from 'process-metadata-backfill';
import type { TypeParsers } from './sql.js';

/** What a page selects from the column with the task data, and what becomes of that as each row arrives. */
export interface TaskDataColumn {
  /** SQL over `d`, a row of json_data. */
  readonly select: string;
  readonly parameters: readonly unknown[];
  /** The task data is the only column of a page that has one of these types. */
  readonly parsers: TypeParsers;
}

/** Whole documents, of which nothing but the values is held once they have arrived. */
export function wholeDocuments(paths: readonly PagePath[]): TaskDataColumn {
  const read = (text: string): TaskData => {
    const document = parseJson(text);
    if (document === undefined) return { form: 'json', text }; // the library tells what is wrong with it
    return valuesOf(paths, ({ segments }) => valueAt(document, segments));
  };
  return { select: 'd.data', parameters: [], parsers: parsersOfJson(read) };
}

/** Only the values, found by the database: a JSON object whose members are named by the number of their path. */
export function projectedValues(paths: readonly PagePath[], firstParameter: number): TaskDataColumn {
  if (paths.some(({ segments }) => segments.some(isReadOtherwise))) return wholeDocuments(paths);
  const members = paths.map((_, index) => `'"${index}":' || (d.data #> $${firstParameter + index})::text`);
  const read = (text: string): TaskData => {
    const members = JSON.parse(text) as Record<number, JsonValue>;
    return valuesOf(paths, (_, index) => members[index]);
  };
  return {
    // `#> '{}'` has a large document unpacked once, and not for each path.
    select: `(select '{' || concat_ws(',', ${members.join(', ')}) || '}' from (select d.data #> '{}' as data offset 0) d)`,
    parameters: paths.map(({ segments }) => segments),
    parsers: parsersOfJson(read),
  };
}

/** In an array, `#>` also takes -1 and 01 for indices. A NUL or half a surrogate pair cannot be sent as it is. */
function isReadOtherwise(segment: string): boolean {
  return (/^\s*[+-]?\d+$/.test(segment) && !/^(?:0|[1-9]\d*)$/.test(segment)) || /[\0\p{Cs}]/u.test(segment);
}

function valuesOf(
  paths: readonly PagePath[],
  read: (path: PagePath, index: number) => JsonValue | undefined,
): TaskData {
  const values = new Map<string, JsonValue>();
  for (const [index, path] of paths.entries()) {
    const value = read(path, index);
    if (value !== undefined) values.set(path.key, value);
  }
  return { form: 'values', values };
}

/** As the library reads: own members and elements only. */
function valueAt(document: JsonValue, segments: readonly string[]): JsonValue | undefined {
  let current: JsonValue | undefined = document;
  for (const segment of segments) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    if (segment === 'length' && Array.isArray(current)) return undefined;
    current = (current as { readonly [key: string]: JsonValue })[segment];
  }
  return current;
}

function parseJson(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** By the numbers that PostgreSQL gives to text, json and jsonb. */
function parsersOfJson(read: (text: string) => TaskData): TypeParsers {
  return { 25: read, 114: read, 3802: read };
}
