import {
  compileJsonReader,
  type JsonValue,
  type PagePath,
  parseJson,
  type TaskData,
} from 'process-metadata-backfill';
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
  const valuesIn = compileJsonReader(paths);
  const read = (text: string): TaskData => {
    try {
      return { form: 'values', values: valuesIn(text), exact: true };
    } catch {
      return { form: 'json', text }; // the library reports what is wrong with it
    }
  };
  return { select: 'd.data', parameters: [], parsers: parsersOfJson(read) };
}

/** Selects only the values, as a JSON object with the number of each path for its name. The database finds them. */
export function projectedValues(paths: readonly PagePath[], firstParameter: number): TaskDataColumn {
  if (paths.some(({ segments }) => segments.some(isReadOtherwise))) return wholeDocuments(paths);
  const members = paths.map((_, index) => `'"${index}":' || (d.data #> $${firstParameter + index})::text`);
  const read = (text: string): TaskData => {
    const members = parseJson(text) as Record<number, JsonValue>;
    const values = new Map<string, JsonValue>();
    for (const [index, { key }] of paths.entries()) {
      const value = members[index];
      if (value !== undefined) values.set(key, value);
    }
    return { form: 'values', values, exact: true };
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

/** The keys are the type numbers of PostgreSQL for text, json and jsonb. */
function parsersOfJson(read: (text: string) => TaskData): TypeParsers {
  return { 25: read, 114: read, 3802: read };
}
