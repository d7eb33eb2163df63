import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseOptions } from './bench-options.js';
import { candidatesFor } from './candidates/all-candidates.js';
import type { Candidate } from './candidates/candidate.js';
import { singleStatement } from './candidates/single-statement.js';
import { singleUpdate } from './candidates/single-update.js';
import { drawChart } from './draw-chart.js';
import { emptyMetadata, fillTables } from './fill-tables.js';
import { compare } from './measure.js';
import { measureMicro } from './micro.js';
import { type BenchDatabase, openDatabase } from './open-database.js';
import { comparisonTable, microTable } from './print-results.js';
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
    await opened.fill?.(INSTANCES);
    await opened.run(INSTANCES);
    await opened.close?.();
    return database.sql.query(
      'select process_instance_id, key, value from process_instance_metadata order by process_instance_id, key',
    );
  }

  test('all write the same rows', async () => {
    const expected = await rowsOf(singleStatement);
    expect(expected).toHaveLength(5 * INSTANCES - INSTANCES / 100);

    for (const candidate of candidatesFor(scenario)) {
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

describe('the candidates of the benchmark, with metadata in a jsonb column', () => {
  const scenario: Scenario = {
    instances: INSTANCES,
    kilobytes: 1.6,
    type: 'jsonb',
    keys: 5,
    metadata: 'members',
  };
  let database: BenchDatabase;
  beforeAll(async () => {
    database = await openDatabase();
    await fillTables(database.sql, scenario);
  });
  afterAll(() => database?.close());

  test('all write the same members', async () => {
    const written = new Map<string, unknown[]>();
    for (const candidate of candidatesFor(scenario)) {
      await emptyMetadata(database.sql, scenario);
      await (await candidate.open(database, scenario))?.run(INSTANCES);
      const rows = await database.sql.query('select metadata from instances order by created_at');
      written.set(candidate.name, rows);
    }

    const expected = written.get(singleUpdate.name);
    expect(expected).toHaveLength(INSTANCES);
    expect(expected).toContainEqual({
      metadata: expect.objectContaining({ city: 'Oslo', amount: expect.any(Number) }),
    });
    for (const [name, rows] of written) expect(rows, name).toEqual(expected);
  });
});

test('the library alone is measured', async () => {
  const { ownTime, extraction } = await measureMicro(1);

  expect(microTable({ ownTime, extraction })).toContain('own time an instance, batch 500');
  for (const value of Object.values({ ...ownTime, ...extraction })) expect(value).toBeGreaterThan(0);
});

describe('the options of the benchmark', () => {
  test('give the jsonb column task data of that type, too', () => {
    const { scenarios } = parseOptions(['--metadata', 'members', '--metadata', 'rows']);

    expect(scenarios).toEqual([
      { kilobytes: 1.6, type: 'jsonb', keys: 2, instances: 20_000, metadata: 'members' },
      { kilobytes: 1.6, type: 'json', keys: 2, instances: 20_000 },
    ]);
    expect(() => parseOptions(['--metadata', 'columns'])).toThrow(
      '--metadata: expected rows or members, got columns',
    );
  });

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
