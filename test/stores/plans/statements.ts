import type { CompiledQuery } from 'kysely';
import type { InstanceWrites } from 'process-metadata-backfill';
import { expect } from 'vitest';
import { fill, read, survey, write } from '../repository-calls.js';
import { INSTANCES, PAGE } from './big-tables.js';
import type { RecordedRepository } from './recorded.js';

/** All that a repository sends for one page in the middle of a run, its commit, and the end of the walk. */
export async function statementsOfBatch(
  recorded: RecordedRepository,
  limit: number,
): Promise<CompiledQuery[]> {
  const processModelId = 'often';
  await survey(recorded, { processModelId, after: INSTANCES - 1000 });
  const page = await read(recorded, { processModelId, after: INSTANCES / 2, limit });
  const writes = page.map(({ id, version, stored }): InstanceWrites<number> => {
    const city = stored.get('city');
    const replaced = city === undefined ? [] : [{ key: 'city', value: 'Oslo', replaces: city }];
    const values = [fill('invoice_number', 'INV-1'), ...replaced];
    return { id, values, ...(version !== undefined && { version }) };
  });
  const exhausted = { processModelId, instanceIds: null, after: INSTANCES, upTo: INSTANCES };
  const next = () => {
    throw new Error('undone, so that the tables stay as they are');
  };
  await expect(write(recorded, writes, { exhausted, next })).rejects.toThrow('undone');
  // A repository may compare versions, and look for instances that are left, after it has written.
  const { result } = await write(recorded, writes, { exhausted: { ...exhausted, after: INSTANCES - 1000 } });
  expect(result.status).toBe('not-exhausted');
  return recorded.statements.filter((statement) => /^\s*(select|with|insert|update)/.test(statement.sql));
}

/** The one that reads a page, which is full. */
export async function statementOfPage(
  recorded: RecordedRepository,
  processModelId: string,
  after: number | null,
): Promise<CompiledQuery> {
  const page = await read(recorded, { processModelId, after, limit: PAGE });
  expect(page).toHaveLength(PAGE);
  const statement = recorded.statements.at(-1);
  if (statement === undefined) throw new Error('expected a statement');
  return statement;
}
