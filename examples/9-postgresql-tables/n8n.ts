import { parse } from 'flatted';
import {
  createPostgresRepository,
  type PostgresDatabase,
  type PostgresRepository,
} from 'process-metadata-backfill/postgres';

/** The tables of n8n, without the columns that do not matter here. */
export const TABLES = `
  create table execution_entity (
    id serial primary key,
    "workflowId" varchar(36) not null,
    finished boolean not null,
    mode varchar not null default 'trigger',
    status varchar not null,
    "createdAt" timestamptz(3) not null default current_timestamp(3),
    "stoppedAt" timestamptz(3),
    "deletedAt" timestamptz(3)
  );
  create index on execution_entity ("workflowId", id);
  create table execution_data (
    "executionId" int primary key references execution_entity (id) on delete cascade,
    "workflowData" json not null default '{}',
    data text not null
  );
  create table execution_metadata (
    id serial primary key,
    "executionId" int not null references execution_entity (id) on delete cascade,
    key varchar(255) not null,
    value text not null
  );
  create unique index on execution_metadata ("executionId", key);`;

/** The repository over these tables. An execution is an instance, and its workflow is the process model. */
export function createRepository<Transaction>(
  database: PostgresDatabase<Transaction>,
): PostgresRepository<Transaction> {
  return createPostgresRepository({
    database,
    instances: {
      table: 'execution_entity',
      model: 'workflowId',
      where: 'i."deletedAt" is null',
      running: `i.status in ('new', 'running', 'waiting')`,
    },
    taskData: {
      table: 'execution_data',
      instance: 'executionId',
      column: 'data',
      type: 'text',
      parse: lastOutput,
    },
    metadata: {
      table: 'execution_metadata',
      instance: 'executionId',
      nullable: false,
      maxLength: 512,
      maxKeyLength: 255,
    },
  });
}

interface ExecutionData {
  readonly resultData: {
    readonly lastNodeExecuted: string;
    readonly runData: Readonly<Record<string, readonly NodeRun[]>>;
  };
}

interface NodeRun {
  readonly data: { readonly main: readonly (readonly { readonly json: unknown }[])[] };
}

/** The first item that the last run of the last node has put out. */
function lastOutput(text: string): unknown {
  const { lastNodeExecuted, runData } = (parse(text) as ExecutionData).resultData;
  return runData[lastNodeExecuted]?.at(-1)?.data.main[0]?.[0]?.json;
}
