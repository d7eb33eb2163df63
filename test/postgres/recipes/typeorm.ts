import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';
import type { DataSource, EntityManager } from 'typeorm';

export function fromTypeorm(source: DataSource): PostgresDatabase<EntityManager> {
  const on = (manager: EntityManager): PostgresConnection => ({
    async query(text, values) {
      const result = await manager.query(text, [...values]);
      return Array.isArray(result[0]) ? result[0] : result; // [rows, count] of UPDATE and DELETE
    },
  });
  return {
    ...on(source.manager),
    transaction: (work) => source.transaction('READ COMMITTED', (manager) => work(on(manager))),
    within: on,
  };
}
