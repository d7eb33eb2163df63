import type { Knex } from 'knex';
import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';

export function fromKnex(knex: Knex): PostgresDatabase<Knex.Transaction> {
  const on = (connection: Knex): PostgresConnection => ({
    async query(text, values) {
      const bindings: (string | null)[] = [];
      const raw = text.replace(/\$(\d+)|\?/g, (found, number) => {
        if (found === '?') return '\\?';
        bindings.push(values[number - 1] ?? null);
        return '?';
      });
      return (await connection.raw(raw, bindings)).rows;
    },
  });
  return {
    ...on(knex),
    transaction: (work) =>
      knex.transaction((transaction) => work(on(transaction)), { isolationLevel: 'read committed' }),
    within: on,
  };
}
