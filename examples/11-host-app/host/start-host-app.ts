import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { setTimeout } from 'node:timers/promises';
import { Hono } from 'hono';
import {
  type BackfillLogger,
  createBackfillService,
  RUN_CHANNEL,
  type RunChangeMessage,
} from 'process-metadata-backfill';
import type { Sql } from '../../2-embedded-postgres/sql.js';
import { createOperatorPages } from '../operator/create-operator-pages.js';
import { createActions } from './actions.js';
import { authorize } from './authorize.js';
import { addDemoRoutes } from './demo-routes.js';
import { type ListeningServer, listen } from './listen.js';
import { createModels, requestWhatIsOwed } from './models.js';
import { type DatabasePlace, openDatabase } from './open-database.js';
import { killable, openQueue } from './queue.js';
import { createReport } from './report.js';
import { createRepository } from './repository.js';
import { workABit } from './save-instance.js';
import { INVOICES, SALARIES, seed } from './seed.js';

export interface HostAppOptions {
  readonly place: DatabasePlace;
  /** Deletes what is there. */
  readonly fresh: boolean;
  /** `0`: any free one. */
  readonly port: number;
  /** How many instances the host has at first. */
  readonly instances: number;
  /** Runs are slowed down to this, so that people can watch them. `null`: they are not. */
  readonly instancesPerSecond: number | null;
  /** Every so many milliseconds, the host saves instances. `null`: never. */
  readonly saveEveryMs: number | null;
  readonly logger: BackfillLogger;
  readonly print: (line: string) => void;
}

export interface HostApp {
  /** Of the operator's pages. */
  readonly url: string;
  close(): Promise<void>;
}

/** Opens the database, starts a worker, and serves the pages on the loopback interface. */
export async function startHostApp(options: HostAppOptions): Promise<HostApp> {
  // First, because a second start must not open the folder of a PGlite that is in use.
  const server = await listen(options.port);
  try {
    return await startBehind(server, options);
  } catch (error) {
    await server.close();
    throw error;
  }
}

async function startBehind(server: ListeningServer, options: HostAppOptions): Promise<HostApp> {
  const { place, print, logger } = options;
  const opened = await openDatabase(place, options);
  const { database } = opened;
  await seed(database, options.instances, print);

  const repository = createRepository(database);
  for (const warning of await repository.check()) print(`Warning: ${warning}`);
  const jobs = await openQueue(place);
  const worker = killable(jobs.queue);
  const service = createBackfillService<Sql>({
    repository,
    queue: worker.queue,
    transactional: jobs.transactional,
    batchSize: 25,
    sliceMs: 10_000,
    ...(options.instancesPerSecond !== null && { maxInstancesPerSecond: options.instancesPerSecond }),
    logger,
  });
  const stopWorker = await jobs.work({ handle: worker.guarded(service.handle), sweep: service.sweep });
  await requestOnce(service);

  // PGlite has no autovacuum: refresh statistics after each run.
  const onChange = (message: unknown): void => {
    const { to } = message as RunChangeMessage;
    if (to.startsWith('completed')) database.query('analyze instance_metadata').catch(console.error);
  };
  subscribe(RUN_CHANNEL, onChange);

  const ticking = new AbortController();
  const ticks = [
    repeat(3_000, ticking.signal, () => requestWhatIsOwed(database, service)),
    ...(options.saveEveryMs === null
      ? []
      : [repeat(options.saveEveryMs, ticking.signal, () => workABit(database, INVOICES))]),
  ];

  const { port } = server;
  const origins = [`http://127.0.0.1:${port}`, `http://localhost:${port}`];
  const pages = createOperatorPages({
    service,
    models: createModels(database, service, jobs),
    instances: createReport(database),
    actions: createActions(database),
    authorize,
    basePath: '/operator',
    origins,
  });
  const app = new Hono();
  addDemoRoutes(app, { database, kill: worker.kill, origins });
  app.get('/', (c) => c.redirect('/operator'));
  app.all('/operator', (c) => pages.fetch(c.req.raw));
  app.all('/operator/*', (c) => pages.fetch(c.req.raw));
  server.serve((request) => app.fetch(request));

  return {
    url: `http://127.0.0.1:${port}/operator`,
    async close() {
      pages.close();
      unsubscribe(RUN_CHANNEL, onChange);
      ticking.abort();
      await Promise.all(ticks);
      await stopWorker();
      await server.close();
      await jobs.close();
      await opened.close();
    },
  };

  /** So that there is a run that the operator may not see. */
  async function requestOnce({ list, request }: typeof service): Promise<void> {
    if ((await list({ processModelId: SALARIES, limit: 1 })).length > 0) return;
    const paths = [{ key: 'customer_id', path: 'customer.id' }];
    await request({ processModelId: SALARIES, paths, requestedBy: 'Ben' });
  }
}

async function repeat(everyMs: number, signal: AbortSignal, work: () => Promise<unknown>): Promise<void> {
  while (!signal.aborted) {
    await setTimeout(everyMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    await work().catch((error) => console.error(error));
  }
}
