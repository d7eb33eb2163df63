import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { relative } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import pg from 'pg';
import type {
  BackfillRepository,
  BackfillService,
  ExtractionPath,
  RequestResult,
} from 'process-metadata-backfill';
import { createRunTable } from 'process-metadata-backfill/postgres';
import { createRepository } from '../2-embedded-postgres/repository.js';
import type { Sql, SqlDatabase } from '../2-embedded-postgres/sql.js';
import { createTerminal } from '../2-embedded-postgres/terminal.js';
import { withLatency } from '../2-embedded-postgres/with-latency.js';
import { createInstances, MODEL } from '../2-embedded-postgres/workflow-host.js';
import { pgDatabase } from './pg-sql.js';

const BEFORE = [{ key: 'customer_id', path: 'customer.id' }];
const AFTER = [
  ...BEFORE,
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'first_article', path: 'lines[0].article' },
];

export { MODEL };

/** Plain lines. In a terminal they are wrapped to its width. */
export const { logger, print } = createTerminal(process.stdout);

export const command: string = process.argv[2] ?? 'all';

/** `request 10` starts the backfill ten seconds later. */
export const startAfter: Date | undefined =
  process.argv[3] === undefined ? undefined : new Date(Date.now() + 1000 * Number(process.argv[3]));

/** A small workflow backend: tables in a schema of their own, with the instances of one model. */
export interface DemoHost {
  /** The name of its schema in PostgreSQL. The schema of the job runner is `<name>_jobs`. */
  readonly name: string;
  readonly url: string;
  readonly pool: pg.Pool;
  readonly database: SqlDatabase;
  /** Its statements are slow, so that a run takes several slices. */
  readonly repository: BackfillRepository<Sql, number>;
}

export async function openHost(defaultName: string): Promise<DemoHost> {
  const name = process.env.DEMO_NAME || defaultName;
  const url = process.env.DATABASE_URL || 'postgres://root@127.0.0.1:5432/postgres';
  const pool = new pg.Pool({ connectionString: url, options: `-c search_path=${name}` });
  pool.on('error', (error) => console.error(error.message));
  const database = pgDatabase(pool);
  if (command === 'all' || command === 'clean') await dropSchemas(pool, name);
  if (command !== 'clean') await createTables(database, name);
  // Here, a transaction of the host is an Sql, which the repository can use.
  const repository = createRepository({ ...withLatency(database, 20), within: (sql: Sql) => sql });
  return { name, url, pool, database, repository };
}

/** Updates the model, as the host would also do without backfills. */
export async function updateModel(sql: Sql): Promise<{ before: ExtractionPath[]; after: ExtractionPath[] }> {
  const [model] = await sql.query<{ paths: ExtractionPath[] }>(
    'select paths from process_model where id = $1 for update',
    [MODEL],
  );
  await sql.query('update process_model set paths = $2 where id = $1', [MODEL, JSON.stringify(AFTER)]);
  return { before: model?.paths ?? [], after: AFTER };
}

export interface Demo {
  readonly service: Pick<BackfillService, 'list' | 'status'>;
  request(): Promise<RequestResult>;
  /** Starts a worker. @returns a function that stops it. */
  work(): Promise<() => Promise<void>>;
}

/** Executes the command of the command line. */
export async function play(host: DemoHost, demo: Demo): Promise<void> {
  const interrupted = Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]).then(() => true);
  const ended = () => Promise.race([interrupted, runEnded(demo).then(() => false)]);
  switch (command) {
    case 'request': {
      await createDemoData(host);
      return printRequest(await demo.request());
    }
    case 'worker': {
      const stop = await demo.work();
      console.log(`Worker ${process.pid} waits for jobs. Ctrl-C ends it.`);
      await interrupted;
      await stop();
      return console.log(`Worker ${process.pid} has handed over.`);
    }
    case 'check': {
      process.exitCode = (await ended()) ? 130 : await check(host, demo);
      return;
    }
    case 'all': {
      await createDemoData(host);
      const stop = await demo.work();
      printRequest(await demo.request());
      const isInterrupted = await ended();
      await stop();
      if (isInterrupted) await printHowToGoOn(demo);
      process.exitCode = isInterrupted ? 130 : await check(host, demo);
      return;
    }
    case 'clean':
      return console.log(`Dropped ${host.name} and ${host.name}_jobs.`);
    default:
      throw new Error(`expected all, request, worker, check or clean, got ${command}`);
  }
}

async function dropSchemas(pool: pg.Pool, name: string): Promise<void> {
  await pool.query(`set client_min_messages = warning; drop schema if exists ${name}, ${name}_jobs cascade`);
}

/** Several processes may do this at the same time. */
async function createTables(database: SqlDatabase, name: string): Promise<void> {
  const schema = await readFile(new URL('../2-embedded-postgres/schema.sql', import.meta.url), 'utf8');
  await database.transaction(async (sql) => {
    await sql.query('select pg_advisory_xact_lock(hashtext($1))', [name]);
    const [found] = await sql.query<{ exists: boolean }>('select to_regclass($1) is not null as exists', [
      `${name}.process_model`,
    ]);
    if (found?.exists) return;
    await sql.query(`create schema if not exists ${name}`);
    await sql.query(schema);
    await sql.query(createRunTable());
    await sql.query('create table process_model (id text primary key, paths json not null)');
  });
}

async function createDemoData({ database }: DemoHost): Promise<void> {
  if ((await database.query('select 1 from process_model')).length > 0) return;
  console.log('Executing invoice.bpmn 300 times ...');
  await createInstances(database, 300, BEFORE);
  await database.query('insert into process_model values ($1, $2)', [MODEL, JSON.stringify(BEFORE)]);
}

function printRequest(request: RequestResult): void {
  if (request.status === 'skipped') console.log(`No backfill: ${request.reason}.`);
  else print(`Backfill ${request.runId} is queued for ${request.keys.join(', ')}.`);
}

async function printHowToGoOn({ service }: Demo): Promise<void> {
  const [run] = await service.list({ limit: 1 });
  if (run === undefined) return;
  const { processed, failed, gone, total } = await service.status(run.runId);
  const main = `npx tsx ${relative('', process.argv[1] ?? '')}`;
  print(`\nStopped at ${processed + failed + gone}/${total}; run ${run.runId} goes on from there with`);
  console.log(`\n  ${main} worker\n  ${main} check    # in another terminal\n`);
  print('The tables and the jobs stay until you drop them with');
  console.log(`\n  ${main} clean`);
}

async function runEnded({ service }: Demo): Promise<void> {
  while ((await service.list({ active: true })).length > 0) await setTimeout(200);
}

/**
 * Compares the metadata with what PostgreSQL itself reads in the task data.
 * @returns the exit code.
 */
async function check({ database }: DemoHost, { service }: Demo): Promise<number> {
  const [run] = await service.list({ limit: 1 });
  if (run === undefined) throw new Error('There is no run: request one.');
  const { state, processed, updated, total } = await service.status(run.runId);
  const paths = AFTER.map(({ key, path }) => ({ key, path: path.split(/[.[\]]+/).filter(Boolean) }));
  const [found] = await database.query<Record<'rows' | 'wrong' | 'updated', number>>(CHECK, [
    JSON.stringify(paths),
  ]);
  const verdicts: [isRight: boolean, claim: string][] = [
    [state === 'completed', `the run is ${state}: ${processed} of ${total} instances processed`],
    [
      found?.wrong === 0,
      `${found?.rows} metadata rows, ${found?.wrong} of them other than SQL extracts them`,
    ],
    [found?.updated === updated, `${found?.updated} instances with new rows, ${updated} in the report`],
  ];
  for (const [isRight, claim] of verdicts) console.log(`${isRight ? '✓' : '✗'} ${claim}`);
  return verdicts.every(([isRight]) => isRight) ? 0 : 1;
}

const CHECK = `
  with newest as (
    select distinct on (t.process_instance_id) t.process_instance_id, d.data::json as data
    from task t join json_data d on d.hash = t.json_data_hash
    where t.state = 'COMPLETED'
    order by t.process_instance_id, t.end_in_seconds desc nulls last, t.guid
  ), extracted as (
    select process_instance_id, key, data #>> path as value
    from newest cross join json_to_recordset($1) as path (key text, path text[])
  ), expected as (
    select * from extracted where value is not null
  ), written as (
    select process_instance_id, key, value from process_instance_metadata
  )
  select
    (select count(*)::int from written) as rows,
    (select count(*)::int from ((table expected except table written) union all (table written except table expected)) d)
      as wrong,
    (select count(distinct process_instance_id)::int from written where key <> 'customer_id') as updated`;
