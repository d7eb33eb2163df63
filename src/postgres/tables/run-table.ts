import type { RunFilter, RunRecord } from '../../ports/repository.js';
import type { PostgresConnection } from '../database.js';
import { quoteIsTrue, RUN_TABLE } from '../run-table/run-table-names.js';
import { parameters } from '../sql/parameters.js';
import { quoteName } from '../sql/quote-name.js';

/** SQL about the library's own table. */
export interface RunTable {
  /** As the host has named it. */
  readonly name: string;
  readonly table: string;
  /** The function that `createRunTable` makes beside the table. */
  readonly isTrue: string;
}

export function runTableOf(name: string = RUN_TABLE): RunTable {
  return { name, table: quoteName(name, 'runs.table'), isTrue: quoteIsTrue(name) };
}

export async function loadRun(
  connection: PostgresConnection,
  { table }: RunTable,
  runId: string,
): Promise<RunRecord[]> {
  const rows = await connection.query(`${SELECT} from ${table} where run_id = $1::text`, [runId]);
  return rows.map(recordOf);
}

export async function findRuns(
  connection: PostgresConnection,
  { table }: RunTable,
  { processModelId, activeKey, active, before, limit }: RunFilter,
): Promise<RunRecord[]> {
  const bound = parameters();
  const conditions = [
    'id = run_id',
    ...(processModelId === null ? [] : [`process_model_id = ${bound.add(processModelId, 'text')}`]),
    ...(activeKey === null ? [] : [`active_key = ${bound.add(activeKey, 'text')}`]),
    ...(active === null ? [] : [`active_key is ${active ? 'not null' : 'null'}`]),
    ...(before === null ? [] : [`id < ${bound.add(before, 'text')}`]),
  ];
  const rows = await connection.query(
    `${SELECT} from ${table} where ${conditions.join(' and ')} order by id desc limit ${bound.add(limit, 'int')}`,
    bound.values,
  );
  return rows.map(recordOf);
}

// The content as text: each driver has its own idea of how to parse JSON. The names are one lower-case word each, because a host's
// query builder may write others in its own way.
const SELECT = `
  select id::varchar, run_id::varchar as run, process_model_id::varchar as model, revision::varchar,
    active_key::varchar as active, content::varchar`;

function recordOf(row: unknown): RunRecord {
  const { id, run, model, revision, active, content } = row as RecordRow;
  return {
    id,
    runId: run,
    processModelId: model,
    revision,
    activeKey: active,
    content: JSON.parse(content),
  };
}

interface RecordRow extends Readonly<Record<'id' | 'run' | 'model' | 'revision' | 'content', string>> {
  readonly active: string | null;
}
