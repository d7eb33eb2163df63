import { compileJsonReader } from '../../extraction/compile-json-reader.js';
import type { JsonValue } from '../../extraction/json-value.js';
import { parseJson } from '../../extraction/parse-json.js';
import { withoutStack } from '../../input/without-stack.js';
import type { PagePath, TaskData } from '../../ports/repository.js';
import type { Parameters } from '../sql/parameters.js';
import type { Documents } from './documents.js';

/** What a page selects of a document, and how that is read once its row arrives. */
export interface Projection {
  /** SQL of the type text, over `i` and `newest`. */
  readonly select: string;
  read(text: string): TaskData;
}

export function projectionOf(
  documents: Documents,
  paths: readonly PagePath[],
  parameters: Parameters,
): Projection {
  const { type, parse, document } = documents;
  if (parse !== undefined) return { select: `${document}::text`, read: decodedBy(parse) };
  return type === 'jsonb' && !paths.some(isReadOtherwise)
    ? valuesIn(document, paths, parameters)
    : { select: `${document}::text`, read: documentReader(paths) };
}

function decodedBy(parse: (text: string) => unknown) {
  return (text: string): TaskData => {
    try {
      return { form: 'parsed', value: parse(text) };
    } catch (error) {
      return unreadable(error);
    }
  };
}

function unreadable(error: unknown): TaskData {
  return { form: 'unreadable', reason: error instanceof Error ? error.message : String(error) };
}

/** Only the values are kept once a document has arrived. */
function documentReader(paths: readonly PagePath[]) {
  const read = compileJsonReader(paths);
  return (text: string): TaskData => {
    try {
      return { form: 'values', values: withoutStack(() => read(text)), exact: true };
    } catch (error) {
      return unreadable(error);
    }
  };
}

/** Only the values are sent, as members of a JSON object, each named by the number of its path. */
function valuesIn(document: string, paths: readonly PagePath[], { addList }: Parameters): Projection {
  const members = paths.map(
    ({ segments }, index) => `'"${index}":' || (document #> ${addList(segments, 'text')})::text`,
  );
  return {
    // `#> '{}'` makes PostgreSQL unpack a large document once, and not for each path.
    select: `(
      select '{' || array_to_string(array[${members.join(', ')}], ',') || '}'
      from (select ${document} #> '{}' as document offset 0) d where document is not null)::text`,
    read(text) {
      const members = parseJson(text) as Record<number, JsonValue>;
      const values = new Map<string, JsonValue>();
      for (const [index, { key }] of paths.entries()) {
        const value = members[index];
        if (value !== undefined) values.set(key, value);
      }
      return { form: 'values', values, exact: true };
    },
  };
}

/**
 * In an array, `#>` also accepts -1 and 01 as indices. A NUL or half a surrogate pair cannot be sent at all. Without a
 * segment, the whole document is meant.
 */
function isReadOtherwise({ segments }: PagePath): boolean {
  return (
    segments.length === 0 ||
    segments.some(
      (segment) =>
        (/^\s*[+-]?\d+$/.test(segment) && !/^(?:0|[1-9]\d*)$/.test(segment)) || /[\0\p{Cs}]/u.test(segment),
    )
  );
}
