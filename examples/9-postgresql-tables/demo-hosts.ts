import { stringify } from 'flatted';
import type { BackfillRepository, JsonValue } from 'process-metadata-backfill';
import type { PostgresDatabase, PostgresRepository } from 'process-metadata-backfill/postgres';
import * as n8n from './n8n.js';
import * as oneTable from './one-table.js';

export const MODEL = 'invoice';

/** A host, and what happened in it before the backfill. */
export interface DemoHost {
  readonly tables: string;
  /** An index that the host still lacks. */
  readonly index?: string;
  createRepository<Transaction>(
    database: PostgresDatabase<Transaction>,
  ): BackfillRepository<Transaction> & Pick<PostgresRepository, 'check'>;
  /** SQL that inserts 30 instances. Its parameter is a JSON list of `{ number, data }`. */
  readonly insert: string;
  /** The text of a document, as the host stores it. */
  document(data: JsonValue): string;
  /** SQL of the rows `number`, `id`, `status` and `metadata`. */
  readonly report: string;
  /** What is special about some instances, by their numbers. */
  readonly notes: Readonly<Record<number, string>>;
}

export const DEMO_HOSTS: Readonly<Record<string, DemoHost>> = {
  n8n: {
    tables: n8n.TABLES,
    createRepository: n8n.createRepository,
    document: executionData,
    insert: `
      with instance as (
        insert into execution_entity ("workflowId", finished, status, "deletedAt")
        select '${MODEL}', number <> 7, case number when 7 then 'waiting' when 9 then 'new' else 'success' end,
          case number when 13 then now() end
        from json_to_recordset($1) r (number int) order by number returning id
      ), document as (
        insert into execution_data ("executionId", data)
        select number, case number when 11 then left(data, 80) else data end
        from json_to_recordset($1) r (number int, data text) where number <> 9
      )
      insert into execution_metadata ("executionId", key, value) values (3, 'city', 'Bergen')`,
    report: `
      select id as number, id::text, status, (
        select jsonb_object_agg(key, value)::text from execution_metadata where "executionId" = e.id) as metadata
      from execution_entity e order by e.id`,
    notes: {
      3: 'a user has set the city',
      5: 'has no city',
      7: 'is still running',
      9: 'has no data yet',
      11: 'its document is broken',
      13: 'is soft-deleted',
    },
  },
  'one-table': {
    tables: oneTable.TABLES,
    index: oneTable.INDEX,
    createRepository: oneTable.createRepository,
    document: (data) => JSON.stringify(data),
    insert: `
      insert into instances (id, model, created_at, context, metadata)
      select md5(number::text)::uuid, '${MODEL}', '2024-01-01'::timestamptz + number * interval '1 day',
        case when number <> 9 then data::jsonb end, case number when 3 then jsonb '{"city": "Bergen"}' end
      from json_to_recordset($1) r (number int, data text)`,
    report: `
      select (created_at::date - date '2024-01-01') as number, left(id::text, 8) || '…' as id,
        case when updated_at is null then '' else 'updated' end as status, metadata::text
      from instances order by created_at`,
    notes: { 3: 'a user has set the city', 5: 'has no city', 9: 'has no data yet' },
  },
};

const CITIES = ['Oslo', 'Łódź', 'São Paulo', "L'Aquila"];

/** Thirty orders. The fifth has no city. */
export function demoInstances({ document }: DemoHost): { number: number; data: string }[] {
  return Array.from({ length: 30 }, (_, index) => {
    const number = index + 1;
    const customer = number === 5 ? {} : { city: CITIES[index % CITIES.length] ?? '' };
    return { number, data: document({ invoice: { number: `INV-${number}` }, customer }) };
  });
}

/** A document of n8n: each node has run once, and the last one twice. */
export function executionData(json: JsonValue): string {
  const item = { json };
  const runData = {
    Trigger: [{ data: { main: [[{ json: {} }]] } }],
    Invoice: [{ data: { main: [[{ json: {} }]] } }, { data: { main: [[item]] } }],
  };
  return stringify({ resultData: { lastNodeExecuted: 'Invoice', runData } });
}
