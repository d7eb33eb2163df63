import { describe, expect, test } from 'vitest';
import { openPostgres } from '../../../examples/3-sql-databases/databases/postgres.js';
import { describeWith } from '../../support/servers.js';
import { path, readPage } from '../repository-calls.js';
import { fillPostgres, INSTANCES, PAGE, useBigTables, WALKS } from './big-tables.js';
import { explain, nodesWith, rowsRead } from './plan.js';
import { recordPostgresRepository, recordSqlRepository } from './recorded.js';
import { statementOfPage, statementsOfBatch } from './statements.js';

const TABLES = ['process_instance', 'task', 'json_data', 'process_instance_metadata'];
/** The most instances that a page in plain SQL looks at first, to see whether they are filled. */
const SAMPLE = 20;
/** PostgreSQL's default. These connections never compile. */
const JIT_ABOVE_COST = 100_000;
/** How often each reads the rows of an instance. */
const REPOSITORIES = [
  ['by Kysely', recordSqlRepository, { reads: 1, sampled: 0 }],
  ['in plain SQL', recordPostgresRepository, { reads: 2, sampled: SAMPLE }],
] as const;

describeWith(['PostgreSQL'], 'query plans on PostgreSQL', ({ PostgreSQL }) => {
  const opened = useBigTables(() => openPostgres(PostgreSQL), fillPostgres);

  describe.each(REPOSITORIES)('of the repository %s', (_, recordRepository, { reads, sampled }) => {
    test.each([PAGE, 10 * PAGE])('no statement of a batch of %i scans a table', async (limit) => {
      const statements = await statementsOfBatch(recordRepository(opened()), limit);
      expect(statements.length).toBeGreaterThanOrEqual(6);
      for (const statement of statements) {
        const plan = await explain(opened().database, 'explain (format json)', statement);
        const scanned = nodesWith(plan, 'Relation Name')
          .filter((node) => node['Node Type'] === 'Seq Scan')
          .map((node) => node['Relation Name']);
        expect(scanned.filter((table) => TABLES.includes(String(table)))).toEqual([]);
      }
    });

    test.each(WALKS)('a page of the model %s costs the same, wherever it begins', async (model, starts) => {
      const buffers: number[] = [];
      for (const after of starts) {
        const statement = await statementOfPage(recordRepository(opened()), model, after);
        const plan = await explain(opened().database, 'explain (analyze, buffers, format json)', statement);
        const [top] = nodesWith(plan, 'Shared Hit Blocks');
        buffers.push(Number(top?.['Shared Hit Blocks']) + Number(top?.['Shared Read Blocks']));
        const read = rowsRead(nodesWith(plan, 'Relation Name').map(accessOf));
        expect(read).toMatchObject({ task: 6 * PAGE, json_data: PAGE });
        // Once in the index and once for the status; one more may be looked at, to see whether it is filled.
        expectBetween(read.process_instance, 2 * PAGE, 2 * PAGE + 1 + sampled);
        expectBetween(read.process_instance_metadata, reads * PAGE, reads * PAGE + sampled);
      }
      expect(Math.max(...buffers) / Math.min(...buffers)).toBeLessThan(1.2);
    });
  });

  test.each([100, 2000, 10_000])(
    'a page of %i in plain SQL is not dear enough to be compiled',
    async (limit) => {
      const { repository, statements } = recordPostgresRepository(opened());
      await readPage({ repository }, { processModelId: 'often', after: 10, limit });
      const plans = await Promise.all(
        statements.map((statement) => explain(opened().database, 'explain (format json)', statement)),
      );
      const [top] = nodesWith(plans, 'Total Cost');
      expect(top?.['Total Cost']).toBeLessThan(JIT_ABOVE_COST);
    },
  );

  describe('of a page of complete instances, in plain SQL', () => {
    const lookedAt = (limit: number) => Math.max(5 * limit, limit === 1 ? 10_000 : limit < 100 ? 1000 : 5000);

    async function pageOf(processModelId: string, limit: number) {
      const { repository, statements } = recordPostgresRepository(opened());
      const query = { processModelId, after: INSTANCES / 2, limit, paths: [path('city')] };
      expect(await readPage({ repository }, query)).toEqual([
        { cursor: expect.any(Number), filled: lookedAt(limit) },
      ]);
      const [statement] = statements;
      if (statement === undefined) throw new Error('expected a statement');
      return statement;
    }

    test.each([
      ['often', 1],
      ['often', 50],
      ['often', 100],
      ['often', 2000],
      ['rare', 50],
    ])('neither tasks nor data are read, model %s, limit %i', async (model, limit) => {
      const statement = await pageOf(model, limit);
      const plan = await explain(opened().database, 'explain (analyze, format json)', statement);

      const read = rowsRead(nodesWith(plan, 'Relation Name').map(accessOf));
      expect(read).toMatchObject({ task: 0, json_data: 0 });
      // The status of the last one.
      expectBetween(read.process_instance, lookedAt(limit) + 1, lookedAt(limit) + 1 + SAMPLE);
      // Where most are filled, in one sweep, which meets the rows of the instances between them.
      const between = model === 'often' ? 0.2 * lookedAt(limit) : 0;
      expectBetween(read.process_instance_metadata, lookedAt(limit), lookedAt(limit) + between + SAMPLE);
      const scans = nodesWith(plan, 'Actual Loops')
        .filter((node) => node['Relation Name'] === 'process_instance_metadata')
        .reduce((sum, node) => sum + Number(node['Actual Loops']), 0);
      if (model === 'often') expect(scans).toBeLessThan(0.3 * lookedAt(limit));
      else expect(scans).toBeGreaterThanOrEqual(lookedAt(limit));
    });
  });
});

function expectBetween(actual: number | undefined, least: number, most: number): void {
  expect(actual).toBeGreaterThanOrEqual(least);
  expect(actual).toBeLessThanOrEqual(most);
}

function accessOf(node: Record<string, unknown>) {
  return {
    table: node['Relation Name'],
    rows: Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
    loops: node['Actual Loops'],
  };
}
