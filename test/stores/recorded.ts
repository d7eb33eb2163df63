import { CompiledQuery, type KyselyPlugin } from 'kysely';
import type { Database } from '../../examples/2-sql-databases/repository/tables.js';

/** The same database, and every statement that is sent through it. */
export function recorded(database: Database): { database: Database; statements: CompiledQuery[] } {
  const statements: CompiledQuery[] = [];
  const executor = database.getExecutor();
  // A plugin sees each part of a statement as well as the whole, but the results of whole ones only.
  const seen = new WeakMap<object, CompiledQuery>();
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      seen.set(queryId, executor.compileQuery(node, queryId));
      return node;
    },
    async transformResult({ result, queryId }) {
      const statement = seen.get(queryId);
      if (statement !== undefined) statements.push(statement);
      return result;
    },
  };
  return { database: database.withPlugin(plugin), statements };
}

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
