import { CompiledQuery } from 'kysely';
import type { Database } from '../../../examples/3-sql-databases/repository/tables.js';

/** What `explain`, or another such word, has to say of a statement. */
export async function explain(
  database: Database,
  word: string,
  { sql, parameters }: CompiledQuery,
): Promise<unknown> {
  const { rows } = await database.executeQuery(CompiledQuery.raw(`${word} ${sql}`, [...parameters]));
  const [answer] = Object.values(rows[0] ?? {});
  return typeof answer === 'string' ? JSON.parse(answer) : answer;
}

/** All objects in a plan, however deep, that have this member. */
export function nodesWith(plan: unknown, member: string): Record<string, unknown>[] {
  if (typeof plan !== 'object' || plan === null) return [];
  const below = Object.values(plan).flatMap((part) => nodesWith(part, member));
  return member in plan ? [plan as Record<string, unknown>, ...below] : below;
}

/** By table. */
export function rowsRead(
  accesses: readonly { readonly table: unknown; readonly rows: unknown; readonly loops: unknown }[],
): Record<string, number> {
  const rows: Record<string, number> = {};
  for (const access of accesses) {
    const table = String(access.table);
    rows[table] = (rows[table] ?? 0) + Number(access.rows) * Number(access.loops);
  }
  return rows;
}
