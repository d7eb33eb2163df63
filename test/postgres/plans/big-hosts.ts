import { bigIds } from '../hosts/big-ids.js';
import { camunda } from '../hosts/camunda.js';
import type { Host } from '../hosts/host.js';
import { n8n } from '../hosts/n8n.js';
import { oddNames } from '../hosts/odd-names.js';
import { oneTable } from '../hosts/one-table.js';
import { prefect } from '../hosts/prefect.js';
import { spiffArena } from '../hosts/spiff-arena.js';
import { textIds } from '../hosts/text-ids.js';

export const INSTANCES = 200_000;

/** A model with most of the instances, one with every tenth, and one with every hundredth. */
const MODELS = ['often', 'seldom', 'rare'] as const;

/** A model, and how many instances it has. */
export interface Share {
  readonly model: string;
  readonly instances: number;
}

export const SHARES: readonly Share[] = [
  { model: 'often', instances: 0.89 * INSTANCES },
  { model: 'seldom', instances: 0.1 * INSTANCES },
  { model: 'rare', instances: 0.01 * INSTANCES },
];

/** A host, and the SQL that fills its tables. */
export interface BigHost {
  readonly host: Host;
  readonly title: string;
  /** The quoted tables with data of instances. */
  readonly tables: readonly string[];
  /** Each instance is running, and has one metadata value, under `city`. Most hosts have several tasks for each. */
  readonly fill: readonly string[];
}

export const BIG_HOSTS: readonly BigHost[] = [
  big(
    spiffArena,
    {
      process_instance: `select n, ${modelOf(spiffArena)}, 'waiting' from ${numbers()}`,
      json_data: `select 'newest ' || n, ${document()} from ${numbers()}`,
      task: `
      select n || ' ' || k, n, 'COMPLETED', case k when 6 then 'newest ' || n else 'older' end, k from ${numbers(6)}`,
      process_instance_metadata: `select n, n, 'city', 'city ' || n, 0, 0 from ${numbers()}`,
    },
    nextIdOf('process_instance_metadata'),
  ),
  big(
    n8n,
    {
      execution_entity: `select n, ${modelOf(n8n)}, false, 'trigger', 'waiting' from ${numbers()}`,
      execution_data: `select n, '{}', ${document()} from ${numbers()}`,
      execution_metadata: `select n, n, 'city', 'city ' || n from ${numbers()}`,
    },
    nextIdOf('execution_metadata'),
  ),
  big(camunda, {
    act_hi_procinst: `select ${uuid('n')}, ${modelOf(camunda)}, ${timeOf()}, null from ${numbers()}`,
    act_hi_varinst: `
      select ${uuid("n || ' ' || k")}, ${uuid('n')}, 'variable ' || k, case k when 3 then 'json' else 'string' end, 1,
        case k when 3 then ${uuid('n')} end, null, null, case when k < 3 then 'text ' || n || ' ' || k end
      from ${numbers(3)}`,
    act_ge_bytearray: `select ${uuid('n')}, convert_to(${document()}, 'UTF8') from ${numbers()}`,
    instance_metadata: `select ${uuid('n')}, 'city', 'city ' || n from ${numbers()}`,
  }),
  big(prefect, {
    flow_run: `
      select ${uuid('n')}, ${timeOf()}, now(), ${modelOf(prefect)}::uuid, 'RUNNING', jsonb_build_object('city', n)
      from ${numbers()}`,
    task_run: `
      select ${uuid("n || ' ' || k")}, ${uuid('n')}, 'COMPLETED', ${timeOf('n + k')} from ${numbers(3)}`,
    artifact: `
      select ${uuid("n || ' ' || k || ' data'")}, ${uuid("n || ' ' || k")}, ${document()}::json from ${numbers(3)}`,
  }),
  big(oneTable, {
    instances: `
      select ${uuid('n')}, ${modelOf(oneTable)}, ${timeOf()}, ${document()}::jsonb, jsonb_build_object('city', n), null
      from ${numbers()}`,
  }),
  big(bigIds, {
    workflow_run: `overriding system value select ${bigId()}, ${modelOf(bigIds)}, null from ${numbers()}`,
    step: `
      overriding system value
      select 10 * n + k, ${bigId()}, 'COMPLETED', ${timeOf('n - k')}, ${document()}::jsonb from ${numbers(4)}`,
    run_metadata: `select ${bigId()}, 'city', to_jsonb(n) from ${numbers()}`,
  }),
  big(textIds, {
    flow: `select ${textId()}, ${modelOf(textIds)}, false from ${numbers()}`,
    activity: `
        select ${uuid("n || ' ' || k")}, ${textId()}, 'COMPLETED', ${timeOf('n - k')}, ${document()} from ${numbers(4)}`,
    flow_metadata: `select ${textId()}, 'city', to_json(n) from ${numbers()}`,
  }),
  big(oddNames, {
    '"Host ""A"""."Process Instances"': `
      select n, ${modelOf(oddNames)}::uuid, ${timeOf()}, true, ${document()}::json from ${numbers()}`,
    '"Host ""A"""."meta data"': `select n, 'city', 'city ' || n, 'host', null from ${numbers()}`,
  }),
];

/** SQL: 20,000 runs, of which ten are active. */
export function fillRuns(table: string): string {
  return `
    insert into ${table} (id, run_id, process_model_id, revision, active_key, content)
    select 'run ' || lpad(n::text, 6, '0'), 'run ' || lpad(n::text, 6, '0'), 'model ' || n % 20, 'first',
      case when n > 19990 then 'key ' || n end, json_build_object('text', repeat('x', 600))
    from generate_series(1, 20000) n`;
}

function big(host: Host, rows: Readonly<Record<string, string>>, ...more: readonly string[]): BigHost {
  const tables = Object.keys(rows);
  return {
    host,
    title: host.title,
    tables,
    fill: [
      'set session_replication_role = replica', // without the foreign keys and triggers of each row
      ...Object.entries(rows).map(([table, select]) => `insert into ${table} ${select}`),
      'set session_replication_role = default',
      ...more,
    ],
  };
}

function nextIdOf(table: string): string {
  return `select setval(pg_get_serial_sequence('${table}', 'id'), ${INSTANCES})`;
}

/** SQL: rows with a number `n` for each instance, and with a number `k` for each of its tasks. */
function numbers(tasks?: number): string {
  return `generate_series(1, ${INSTANCES}) n${tasks === undefined ? '' : `, generate_series(1, ${tasks}) k`}`;
}

function modelOf({ traits: { processModelId = (name: string) => name } }: Host): string {
  const [often, seldom, rare] = MODELS.map((name) => `'${processModelId(name)}'`);
  return `case when n % 100 = 0 then ${rare} when n % 10 = 5 then ${seldom} else ${often} end`;
}

function document(): string {
  return `json_build_object('number', n, 'invoice_number', 'INV-' || n, 'text', repeat('x', 240))::text`;
}

/** In no order. */
function uuid(text: string): string {
  return `md5((${text})::text)::uuid`;
}

function timeOf(number = 'n'): string {
  return `timestamp '2026-01-01' + (${number}) * interval '1 s'`;
}

function bigId(): string {
  return '9999999999900000 + n';
}

function textId(): string {
  return `lpad(n::text, 8, '0')`;
}
