import { describe, expect, test } from 'vitest';
import { pgliteDatabase } from '../../examples/2-embedded-postgres/sql.js';
import { type BackfillRepository, previewBackfill, runBackfill } from '../../src/index.js';
import { openEmbeddedPostgres } from '../support/embedded-postgres.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';
import { postgresFixture } from '../testing/fixtures/postgres-fixture.js';

const PATHS = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'misspelled', path: 'invoice.nubmer' },
];

/** 600 instances of the model among 1,800. The newest 60 have a city. Every twentieth document is broken. */
const FILL = [
  `insert into process_instance select 5 * n, case n % 3 when 0 then '${MODEL}' else 'another/model' end, 'complete'
   from generate_series(1, 1800) n`,
  `insert into json_data select 'hash ' || n, case when n % 60 = 0 then '{"invoice": ' else
     '{"invoice": {"number": "INV-' || n || '"}, "customer": {"address": {' ||
     case when n > 1620 then '"city": "Oslo"' else '' end || '}}}' end from generate_series(1, 1800) n`,
  `insert into task select 'task ' || n, 5 * n, 'COMPLETED', 'hash ' || n, n from generate_series(1, 1800) n`,
  `insert into process_instance_metadata (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
   select 5 * n, 'invoice_number', 'old', 0, 0 from generate_series(3, 900, 3) n`,
];

describe.each(['text', 'jsonb'] as const)('on PostgreSQL, with task data in a column of type %s', (type) => {
  const isJsonb = type === 'jsonb'; // which holds no broken document
  const open = async () => {
    const pglite = await openEmbeddedPostgres();
    for (const statement of FILL)
      await pglite.exec(isJsonb ? statement.replace(`'{"invoice": '`, `'7'`) : statement);
    if (isJsonb) await pglite.exec('alter table json_data alter column data type jsonb using data::jsonb');
    return { pglite, ...postgresFixture(pgliteDatabase(pglite), isJsonb ? 'jsonb' : 'text') };
  };
  const preview = (repository: BackfillRepository<never>, rest: object = {}) =>
    previewBackfill({ repository, processModelId: MODEL, paths: PATHS, runtime: testRuntime(), ...rest });

  test('a preview shows what a run then does, finds the right path, and takes about two calls per instance', async () => {
    const { pglite, repository } = await open();
    let calls = 0;
    const counted = intercept(repository as unknown as BackfillRepository, ({ proceed }) => {
      calls += 1;
      return proceed();
    });

    const sampled = await preview(counted, { sampleSize: 60 });
    expect(sampled).toMatchObject({ total: 600, sampled: 60 });
    expect(calls).toBeLessThanOrEqual(2.6 * 60);
    const { invoice_number: number, city, misspelled } = sampled.keys;
    expect(misspelled?.didYouMean[0]?.path).toBe('invoice.number');
    expect(number?.wouldReplace.low).toBeLessThan(0.475);
    expect(number?.wouldReplace.high).toBeGreaterThan(0.475);
    expect(city?.byAge.slice(0, 9)).toEqual(Array(9).fill(0));
    expect(city?.byAge[9]).toBeGreaterThan(0.5);

    // With the mode `fill`, a page would pass over the instances that have a value.
    const one = await preview(counted, { paths: PATHS.slice(0, 1), sampleSize: 60 });
    expect(one).toMatchObject({ total: 600, sampled: 60 });
    expect(one.keys.invoice_number?.wouldReplace.low).toBeLessThan(0.475);
    expect(one.keys.invoice_number?.wouldReplace.high).toBeGreaterThan(0.475);

    const all = await preview(counted, { sampleSize: 600 });
    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      mode: 'overwrite',
      logger: { info() {}, warn() {}, error() {} },
    });
    for (const { key } of PATHS) {
      const { wouldFill, wouldReplace, missing, failed } = all.keys[key] ?? {};
      expect(report.keys[key]).toMatchObject({
        written: (wouldFill?.count ?? 0) + (wouldReplace?.count ?? 0),
        replaced: wouldReplace?.count,
        missing: missing?.count,
        failed: failed?.count,
      });
    }
    expect(all.keys.invoice_number?.failed.count).toBe(isJsonb ? 0 : 30);
    const [{ rows } = { rows: [] }] = await pglite.exec(
      `select count(*)::int as rows from process_instance_metadata where value <> 'old'`,
    );
    expect(rows).toEqual([{ rows: all.projected.overwriteRows.count }]);
    await pglite.close();
  });
});
