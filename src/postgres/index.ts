export type {
  IdType,
  InstancesTable,
  MetadataMembers,
  MetadataRows,
  NewestTask,
  OwnColumn,
  PostgresConfiguration,
  TableOfDocuments,
  TaskDataSource,
} from './configuration.js';
export {
  fromPg,
  type PgClient,
  type PgPool,
  type PgPoolClient,
  type PgQueryable,
  type PgStatement,
} from './connections/from-pg.js';
export {
  fromPglite,
  type Pglite,
  type PgliteQueryable,
  type PgliteTransaction,
} from './connections/from-pglite.js';
export {
  fromPostgresJs,
  type PostgresJs,
  type PostgresJsQueryable,
  type PostgresJsTransaction,
} from './connections/from-postgres-js.js';
export {
  createPostgresRepository,
  type IdOf,
  type PostgresRepository,
} from './create-postgres-repository.js';
export type { PostgresConnection, PostgresDatabase } from './database.js';
export { createRunTable } from './run-table/create-run-table.js';
export type { PruneOptions, PruneResult } from './run-table/prune-runs.js';
export { type AskPostgresOptions, askPostgres } from './throttles/ask-postgres.js';
export { type ReplicaLagOptions, replicaLag } from './throttles/replica-lag.js';
