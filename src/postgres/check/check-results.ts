import { describe } from '../../input/parse-input.js';
import type { PostgresConnection } from '../database.js';
import { error, type Finding } from './finding.js';

/** Checks that results arrive as PostgreSQL sends them. A host can configure its driver to change them. */
export async function checkResults(database: PostgresConnection): Promise<Finding[]> {
  const [row] = await database.query(
    `select true as truth, 7::int as seven, 't'::varchar as letter, null::varchar as nothing`,
    [],
  );
  const got = Object(row) as Readonly<Record<string, unknown>>;
  const changed = Object.entries(SENT).filter(([name, value]) => got[name] !== value);
  if (changed.length === 0) return [];
  const list = changed.map(([name, value]) => `${describe(value)} as ${describe(got[name])}`);
  return [
    error(
      'database',
      `the connection returns ${list.join(', ')}`,
      'Leave out the options that change its results, such as types and transform of postgres.js',
    ),
  ];
}

/** A value of each type that the results of statements have. */
const SENT = { truth: true, seven: 7, letter: 't', nothing: null };
