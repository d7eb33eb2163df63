import type { PageQuery, RepositoryCommit } from '../../ports/repository.js';
import { batchOf } from '../commit/batch.js';
import { commitAtOnce } from '../commit/commit-at-once.js';
import type { IdType, InstancesTable, PostgresConfiguration } from '../configuration.js';
import type { PostgresConnection } from '../database.js';
import { readPage } from '../read-page.js';
import { sqlStateOf } from '../sql/sql-state.js';
import type { Tables } from '../tables/tables.js';
import { error, type Finding } from './finding.js';
import { fixOf, reasonOf } from './refusal.js';

/** Lets PostgreSQL plan a page and a commit. Nothing is executed. */
export async function checkStatements<Transaction>(
  { database, instances }: PostgresConfiguration<Transaction, IdType>,
  tables: Tables,
): Promise<readonly Finding[]> {
  const page = pageOf(instances);
  const explaining: PostgresConnection = {
    async query(text, values) {
      await database.query(`explain ${text}`, values);
      return [];
    },
  };
  try {
    await readPage(explaining, tables, page);
    await commitAtOnce(explaining, tables, commitOf(page), batchOf(commitOf(page).instances));
    return [];
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
