import { describe, expect, test } from 'vitest';
import { openPostgres } from '../../../examples/2-sql-databases/databases/postgres.js';
import { describeWith } from '../../support/servers.js';
import { path, readPage } from '../repository-calls.js';
import { fillPostgres, INSTANCES, PAGE, useBigTables, WALKS } from './big-tables.js';
import { explain, nodesWith, rowsRead } from './plan.js';
import { recordPostgresRepository, recordSqlRepository } from './recorded.js';
import { statementOfPage, statementsOfBatch } from './statements.js';

const TABLES = ['process_instance', 'task', 'json_data', 'process_instance_metadata'];
/** How often each reads the metadata rows of an instance: the second one counts them in the index first. */
const REPOSITORIES = [
  ['by Kysely', recordSqlRepository, 1],
  ['in plain SQL', recordPostgresRepository, 2],
] as const;

describeWith(['PostgreSQL'], 'query plans on PostgreSQL', ({ PostgreSQL }) => {
  const opened = useBigTables(() => openPostgres(PostgreSQL), fillPostgres);

  describe.each(REPOSITORIES)('of the repository %s', (_, recordRepository, metadataReads) => {
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
        const { process_instance: instances, ...others } = rowsRead(
          nodesWith(plan, 'Relation Name').map(accessOf),
        );
        // Once in the index and once for the status; one more may be looked at, to see whether it is complete.
        expect([2 * PAGE, 2 * PAGE + 1]).toContain(instances);
        expect(others).toEqual({
          task: 6 * PAGE,
          json_data: PAGE,
          process_instance_metadata: metadataReads * PAGE,
        });
      }
      expect(Math.max(...buffers) / Math.min(...buffers)).toBeLessThan(1.2);
    });
  });

  test('the repository in plain SQL reads neither tasks nor data of instances that are complete', async () => {
    const { repository, statements } = recordPostgresRepository(opened());
    const query = { processModelId: 'often', after: INSTANCES / 2, limit: 100, paths: [path('city')] };
    expect(await readPage({ repository }, query)).toEqual([{ cursor: expect.any(Number), complete: PAGE }]);
    const [statement] = statements;
    if (statement === undefined) throw new Error('expected a statement');

    const plan = await explain(opened().database, 'explain (analyze, format json)', statement);

    // The instances once for their rows, and once for the end of the page.
    expect(rowsRead(nodesWith(plan, 'Relation Name').map(accessOf))).toEqual({
      process_instance: 2 * PAGE,
      task: 0,
      json_data: 0,
      process_instance_metadata: PAGE,
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
