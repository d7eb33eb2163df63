import type { TaskDataSource } from '../configuration.js';
import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import type { Instances } from './instances.js';

/** The SQL about the document with the newest task data of `i`. */
export interface Documents {
  readonly type: 'json' | 'jsonb' | 'text';
  readonly parse: ((text: string) => unknown) | undefined;
  /** A SELECT of at most one row, as `newest`. `null`: the document is in `i` itself. */
  readonly newest: string | null;
  /** Over `i` and `newest`. */
  readonly document: string;
  /** A text that changes when the document does, over `i` and `newest`. */
  readonly version: string;
  /** Whether the version of `i` is another one than that of a page. */
  isMoved(version: string): string;
}

export function documentsOf(source: TaskDataSource, { id }: Instances): Documents {
  const { type = 'json', parse } = source;
  if ('newest' in source) {
    const { newest, document } = source;
    return {
      type,
      parse,
      newest: `${newest}\n`,
      document: `(${document}\n)`,
      ...versionOf(newest, `coalesce(newest.version::text, '')`),
    };
  }
  const column = quoteIdentifier(source.column);
  if ('table' in source) {
    const { table, instance } = source;
    const newest = `select d.xmin as version, d.${column} as document from ${quoteName(table, 'taskData.table')} d where d.${quoteIdentifier(instance)} = i.${id}`;
    return {
      type,
      parse,
      newest,
      document: 'newest.document',
      ...versionOf(newest, 'newest.version::text'),
    };
  }
  // Any write to the instance changes its xmin, also a write of metadata: then the hash decides. Some servers refuse md5, and it
  // takes longer. With the collation of the column, the hash may ignore differences between texts.
  const digest = `hashtextextended(i.${column}::text collate "C", 0)::text`;
  return {
    type,
    parse,
    newest: null,
    document: `i.${column}`,
    version: `(i.xmin::text || ' ' || ${digest})`,
    isMoved: (version) => `
      case when split_part(${version}, ' ', 1) = i.xmin::text then false
      else split_part(${version}, ' ', 2) <> coalesce(${digest}, '') end`,
  };
}

/** @param version over `newest`. */
function versionOf(newest: string, version: string): Pick<Documents, 'version' | 'isMoved'> {
  return {
    version,
    isMoved: (seen) => `${seen} <> coalesce((select ${version} from (${newest}\n) newest), '')`,
  };
}
