import {
  createPostgresRepository,
  type PostgresDatabase,
  type PostgresRepository,
} from 'process-metadata-backfill/postgres';

export const TABLES = `
  create table instances (
    id uuid primary key,
    model text not null,
    created_at timestamptz not null,
    context jsonb,
    metadata jsonb,
    updated_at timestamptz,
    lock_version int not null default 1
  );`;

/** `check()` asks for it. Without it, each page scans the table. */
export const INDEX = 'create index on instances (model, created_at, id);';

/** The repository over this table. Random ids do not ascend, so `createdAt` gives the order. */
export function createRepository<Transaction>(
  database: PostgresDatabase<Transaction>,
): PostgresRepository<Transaction, 'uuid'> {
  return createPostgresRepository({
    database,
    instances: { table: 'instances', id: { type: 'uuid' }, createdAt: 'created_at', model: 'model' },
    taskData: { column: 'context', type: 'jsonb' },
    // An ORM that compares `lock_version` notices the batch, and does not overwrite the column.
    metadata: { column: 'metadata', update: { updated_at: 'now()', lock_version: 'i.lock_version + 1' } },
  });
}
