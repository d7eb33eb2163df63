import { createPostgresRepository, type PostgresRepository } from 'process-metadata-backfill/postgres';
import type { Sql, SqlDatabase } from '../../2-embedded-postgres/sql.js';

/** The repository over the tables of `schema.sql`. A transaction of this host is an {@link Sql}. */
export function createRepository(database: SqlDatabase): PostgresRepository<Sql> {
  return createPostgresRepository({
    database: { ...database, within: (sql: Sql) => sql },
    instances: { table: 'process_instance', model: 'model_id', running: `i.status = 'running'` },
    taskData: {
      type: 'text',
      newest: `
        select t.id as version from task t where t.instance_id = i.id and t.state = 'COMPLETED'
        order by t.ended_at desc nulls last, t.id limit 1`,
      document: 'select d.data from task d where d.id = newest.version',
    },
    metadata: {
      table: 'instance_metadata',
      instance: 'instance_id',
      type: 'jsonb',
      insert: { source: `'backfill'`, written_at: '(select now())' },
      update: { source: `'backfill'`, written_at: '(select now())' },
    },
  });
}
