import { describe, expect, test } from 'vitest';
import { openPostgres } from '../../../examples/2-sql-databases/databases/postgres.js';
import { describeWith } from '../../support/servers.js';
import { path, readPage } from '../repository-calls.js';
import { fillPostgres, INSTANCES, PAGE, useBigTables, WALKS } from './big-tables.js';
import { explain, nodesWith, rowsRead } from './plan.js';
import { recordPostgresRepository, recordSqlRepository } from './recorded.js';
import { statementOfPage, statementsOfBatch } from './statements.js';

const TABLES = ['process_instance', 'task', 'json_data', 'process_instance_metadata'];
/** How often each reads the rows of an instance, and of how many more it looks at the ids, to see how close they are. */
const REPOSITORIES = [
  ['by Kysely', recordSqlRepository, { reads: 1, sampled: 0 }],
  ['in plain SQL', recordPostgresRepository, { reads: 2, sampled: 50 }],
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
        // Once in the index and once for the status; one more may be looked at, to see whether it is complete.
        expect([2 * PAGE, 2 * PAGE + 1]).toContain(Number(read.process_instance) - sampled);
        // Where the ids are close to each other, also those of the instances between them.
        const between = Number(read.process_instance_metadata) - reads * PAGE;
        expect(between).toBeGreaterThanOrEqual(0);
        expect(between).toBeLessThan(model === 'often' ? 0.2 * PAGE : 1);
      }
      expect(Math.max(...buffers) / Math.min(...buffers)).toBeLessThan(1.2);
    });
  });

  describe('of a page of complete instances, in plain SQL', () => {
    async function pageOf(processModelId: string, limit: number) {
      const { repository, statements } = recordPostgresRepository(opened());
      const query = { processModelId, after: INSTANCES / 2, limit, paths: [path('city')] };
      expect(await readPage({ repository }, query)).toEqual([
        { cursor: expect.any(Number), complete: Math.max(limit, 1000) },
      ]);
      const [statement] = statements;
      if (statement === undefined) throw new Error('expected a statement');
      return statement;
    }

    test.each([
      ['often', 100],
      ['often', 2000],
      ['rare', 100],
    ])('neither tasks nor data are read, model %s, limit %i', async (model, limit) => {
      const statement = await pageOf(model, limit);
      const plan = await explain(opened().database, 'explain (analyze, format json)', statement);

      const { process_instance_metadata: rows, ...others } = rowsRead(
        nodesWith(plan, 'Relation Name').map(accessOf),
      );
      const looked = Math.max(limit, 1000);
      // The status of the last one, and a few to see how close the ids are.
      expect(others).toEqual({ process_instance: looked + 1 + 50, task: 0, json_data: 0 });
      expect(rows).toBeGreaterThanOrEqual(looked);
      expect(rows).toBeLessThan(1.2 * looked);
    });
  });
});

function accessOf(node: Record<string, unknown>) {
  return {
    table: node['Relation Name'],
    rows: Number(node['Actual Rows']) + Number(node['Rows Removed by Filter'] ?? 0),
    loops: node['Actual Loops'],
  };
}
