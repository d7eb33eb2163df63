import { type JsonValue, type PagePath, parseJson, type TaskData } from 'process-metadata-backfill';
import type { TypeParsers } from './sql.js';

/** What a page selects from the column with the task data, and how it is parsed when a row arrives. */
export interface TaskDataColumn {
  /** SQL over `d`, a row of json_data. */
  readonly select: string;
  readonly parameters: readonly unknown[];
  /** Only the task data has one of these types among the columns of a page. */
  readonly parsers: TypeParsers;
}

/** Selects whole documents. Only the values are kept once a document has arrived. */
export function wholeDocuments(paths: readonly PagePath[]): TaskDataColumn {
  const read = (text: string): TaskData => {
    const document = readableJson(text);
    if (document === undefined) return { form: 'json', text }; // the library reports what is wrong with it
    return valuesOf(paths, ({ segments }) => valueAt(document, segments));
  };
  return { select: 'd.data', parameters: [], parsers: parsersOfJson(read) };
}

/** Selects only the values, as a JSON object with the number of each path for its name. The database finds them. */
export function projectedValues(paths: readonly PagePath[], firstParameter: number): TaskDataColumn {
  if (paths.some(({ segments }) => segments.some(isReadOtherwise))) return wholeDocuments(paths);
  const members = paths.map((_, index) => `'"${index}":' || (d.data #> $${firstParameter + index})::text`);
  const read = (text: string): TaskData => {
    const members = parseJson(text) as Record<number, JsonValue>;
    return valuesOf(paths, (_, index) => members[index]);
  };
  return {
    // `#> '{}'` makes PostgreSQL unpack a large document once, and not for each path.
    select: `(select '{' || concat_ws(',', ${members.join(', ')}) || '}' from (select d.data #> '{}' as data offset 0) d)`,
    parameters: paths.map(({ segments }) => segments),
    parsers: parsersOfJson(read),
  };
}

/** In an array, `#>` also accepts -1 and 01 as indices. A NUL or half a surrogate pair cannot be sent at all. */
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
  return { form: 'values', values, exact: true };
}

/** Reads as the library does: own members and elements only. */
function valueAt(document: JsonValue, segments: readonly string[]): JsonValue | undefined {
  let current: JsonValue | undefined = document;
  for (const segment of segments) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, segment)) return undefined;
    if (segment === 'length' && Array.isArray(current)) return undefined;
    current = (current as { readonly [key: string]: JsonValue })[segment];
  }
  return current;
}

function readableJson(text: string): JsonValue | undefined {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}

/** The keys are the type numbers of PostgreSQL for text, json and jsonb. */
function parsersOfJson(read: (text: string) => TaskData): TypeParsers {
  return { 25: read, 114: read, 3802: read };
}
