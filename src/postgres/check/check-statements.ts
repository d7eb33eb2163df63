import type { PageQuery, RepositoryCommit } from '../../ports/repository.js';
import { batchOf } from '../commit/batch.js';
import { commitAtOnce } from '../commit/commit-at-once.js';
import type { IdType, InstancesTable, PostgresConfiguration } from '../configuration.js';
import type { PostgresConnection } from '../database.js';
import { readPage } from '../read-page.js';
import { sqlStateOf } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { error, type Finding, warning } from './finding.js';
import { fixOf, reasonOf } from './refusal.js';

/** Lets PostgreSQL plan a page and a commit. Nothing is executed. The other checks know the indices of the tables with names. */
export async function checkStatements<Transaction>(
  { database, instances, taskData, metadata }: PostgresConfiguration<Transaction, IdType>,
  tables: Tables,
): Promise<readonly Finding[]> {
  const named = [instances, metadata, taskData].flatMap((one) => ('table' in one ? (one.table ?? []) : []));
  const checked = [...named, tables.runs.name].map(lastPart);
  const page = pageOf(instances);
  const plans: unknown[] = [];
  try {
    await database.transaction(async (connection) => {
      // A table that is still scanned then has no fitting index, however small it is.
      await connection.query('set local enable_seqscan = off', []);
      const explaining: PostgresConnection = {
        async query(text, values) {
          plans.push(await connection.query(`explain (format json) ${text}`, values));
          return [];
        },
      };
      await readPage(explaining, tables, page);
      await commitAtOnce(explaining, tables, commitOf(page), batchOf(commitOf(page).instances));
    });
  } catch (thrown) {
    if (sqlStateOf(thrown) === '') throw thrown; // it says nothing about the SQL
    return [
      error(
        'taskData and metadata',
        reasonOf(thrown),
        fixOf(thrown) ?? 'Correct the configuration or the table',
      ),
    ];
  }
  const scanned = new Set(plans.flatMap(scannedTables).filter((table) => !checked.includes(table)));
  return [...scanned].map((table) =>
    warning(
      'taskData',
      `the SQL that reads an instance scans table ${table}`,
      `Create an index on the columns of ${table} that your SQL filters by, or run analyze ${table}; if there is one`,
    ),
  );
}

/** Without the schema. */
function lastPart(table: string): string {
  return table.split('.').at(-1) ?? table;
}

const ZERO: Readonly<Record<IdType, string | number>> = {
  int: 0,
  bigint: '0',
  uuid: '00000000-0000-0000-0000-000000000000',
  text: '0',
};

/** A page query with made-up values. */
function pageOf({ id, modelType = 'text', createdAt }: InstancesTable<IdType>): PageQuery {
  const zero = ZERO[id?.type ?? 'int'];
  const cursor = createdAt === undefined ? zero : ['2000-01-01T00:00:00Z', zero];
  return {
    processModelId: String(ZERO[modelType]),
    instanceIds: null,
    after: cursor,
    upTo: cursor,
    limit: 100,
    paths: [{ key: 'key', segments: ['path'], mode: 'fill' }],
    signal: new AbortController().signal,
  };
}

/** A commit of each kind of write, with a made-up id. */
function commitOf({ processModelId, ...range }: PageQuery): RepositoryCommit {
  const replaces = { value: '0', token: '0' };
  const record = { id: '0', runId: '0', processModelId, revision: 'b', activeKey: null, content: {} };
  const id = [range.upTo].flat().at(-1) ?? 0;
  return {
    processModelId,
    expected: [{ id: '0', revision: 'a' }],
    exhausted: { processModelId, ...range },
    instances: [
      {
        id,
        version: '0',
        values: [
          { key: 'a', value: '0' },
          { key: 'b', value: '0', replaces },
          { key: 'c', replaces },
        ],
      },
    ],
    next: () => [record],
  };
}

/** The tables that a plan reads without a condition on an index. */
function scannedTables(plan: unknown): string[] {
  if (typeof plan === 'string') return scannedTables(parsed(plan));
  if (typeof plan !== 'object' || plan === null) return [];
  const node = plan as Readonly<Record<string, unknown>>;
  const isScan = /^(Seq|Index|Index Only) Scan$/.test(String(node['Node Type']));
  const table = isScan && node['Index Cond'] === undefined ? [String(node['Relation Name'])] : [];
  return [...table, ...Object.values(node).flatMap(scannedTables)];
}

/** Some drivers return a plan as an object, and some as text. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
