import {
  createPostgresRepository,
  type PostgresDatabase,
  type PostgresRepository,
} from 'process-metadata-backfill/postgres';

// In a subselect, it is calculated once per statement and not once per row.
const NOW_IN_SECONDS = '(select extract(epoch from now())::int)';

/**
 * The repository over the tables of `schema.sql`.
 * @param type the type of the column with the task data.
 */
export function createRepository<Transaction>(
  database: PostgresDatabase<Transaction>,
  type: 'text' | 'json' | 'jsonb' = 'text',
): PostgresRepository<Transaction> {
  return createPostgresRepository({
    database,
    instances: {
      table: 'process_instance',
      model: 'process_model_identifier',
      running: `i.status not in ('complete', 'error', 'terminated')`,
    },
    taskData: {
      type,
      newest: `
        select t.json_data_hash as version from task t where t.process_instance_id = i.id and t.state = 'COMPLETED'
        order by t.end_in_seconds is null, t.end_in_seconds desc, t.guid limit 1`,
      document: 'select d.data from json_data d where d.hash = newest.version',
    },
    metadata: {
      table: 'process_instance_metadata',
      instance: 'process_instance_id',
      nullable: false,
      maxLength: 255,
      maxKeyLength: 255,
      style: 'python',
      insert: {
        created_at_in_seconds: NOW_IN_SECONDS,
        updated_at_in_seconds: NOW_IN_SECONDS,
      },
      update: { updated_at_in_seconds: NOW_IN_SECONDS },
    },
  });
}
