import type { KyselyPlugin, QueryId } from 'kysely';
import type { Database } from '../../examples/3-sql-databases/repository/tables.js';

/** The same database; `act` happens between each select from this table and what its caller does with the answer. */
export function afterSelect(database: Database, table: string, act: () => Promise<unknown>): Database {
  const selects = new WeakSet<QueryId>();
  const plugin: KyselyPlugin = {
    transformQuery({ node, queryId }) {
      const isIt = node.kind === 'SelectQueryNode' && JSON.stringify(node.from).includes(`"${table}"`);
      if (isIt) selects.add(queryId);
      return node;
    },
    async transformResult({ result, queryId }) {
      if (selects.has(queryId)) await act();
      return result;
    },
  };
  return database.withPlugin(plugin);
}
