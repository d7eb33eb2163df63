import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseOptions } from './bench-options.js';
import { allCandidates } from './candidates/all-candidates.js';
import type { Candidate } from './candidates/candidate.js';
import { singleStatement } from './candidates/single-statement.js';
import { drawChart } from './draw-chart.js';
import { emptyMetadata, fillTables } from './fill-tables.js';
import { compare } from './measure.js';
import { type BenchDatabase, openDatabase } from './open-database.js';
import { comparisonTable } from './print-results.js';
import type { Scenario } from './scenario.js';

const INSTANCES = 200;

describe.each(['json', 'jsonb'] as const)('the candidates of the benchmark, with task data as %s', (type) => {
  const scenario: Scenario = { instances: INSTANCES, kilobytes: 1.6, type, keys: 5 };
  let database: BenchDatabase;
  beforeAll(async () => {
    database = await openDatabase();
    await fillTables(database.sql, scenario);
  });
  afterAll(() => database?.close());

  async function rowsOf(candidate: Candidate): Promise<unknown[] | null> {
    await emptyMetadata(database.sql);
    const opened = await candidate.open(database, scenario);
    if (opened === null) return null;
    await opened.run(INSTANCES);
    if (candidate.isRerun) await opened.run(INSTANCES);
    await opened.close?.();
    return database.sql.query(
      'select process_instance_id, key, value from process_instance_metadata order by process_instance_id, key',
    );
  }

  test('all write the same rows', async () => {
    const expected = await rowsOf(singleStatement);
    expect(expected).toHaveLength(5 * INSTANCES - INSTANCES / 100);

    for (const candidate of allCandidates) {
      const rows = await rowsOf(candidate);
      if (rows !== null) expect(rows, candidate.name).toEqual(expected);
    }
  });

  test('end up in the table and in the chart', async () => {
    const names = ['one INSERT … SELECT', 'batch 100'];
    const aside = 'rerun, batch 2,000';
    const isWanted = ({ name }: Candidate) => [...names, aside].includes(name);
    const comparison = await compare(database, scenario, {
      rounds: 1,
      patienceMs: 0,
      isWanted,
      log: () => {},
    });

    const [table, chart] = [comparisonTable(comparison), drawChart([comparison], 'here and now')];
    for (const name of names) {
      expect(table).toContain(name);
      expect(chart).toContain(name);
    }
    expect(table).toContain(aside);
    expect(chart).not.toContain(aside);
  });
});

describe('the options of the benchmark', () => {
  test('combine what is given', () => {
    const { scenarios } = parseOptions(['--size', '1.6', '--size', '45', '--type', 'jsonb', '--keys', '5']);

    expect(scenarios).toEqual([
      { kilobytes: 1.6, type: 'jsonb', keys: 5, instances: 20_000 },
      { kilobytes: 45, type: 'jsonb', keys: 5, instances: 20_000 },
    ]);
  });

  test('refuse what they do not know', () => {
    expect(() => parseOptions(['--type', 'xml'])).toThrow('--type: expected json or jsonb, got xml');
    expect(() => parseOptions(['--fast'])).toThrow('--fast');
  });

  test.each([
    ['--rounds', '0', '--rounds: expected a whole number of at least 1, got "0"'],
    ['--latency', '1ms', '--latency: expected a number of at least 0, got "1ms"'],
    ['--patience', '', '--patience: expected a number of at least 0, got ""'],
    ['--keys', '21', '--keys: expected a whole number from 1 to 20, got "21"'],
    ['--instances', '1.5', '--instances: expected a whole number of at least 1, got "1.5"'],
  ])('refuse %s %j', (option, text, message) => {
    expect(() => parseOptions([option, text])).toThrow(message);
  });
});
