import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import type { Sql, SqlDatabase } from '../../../../examples/2-embedded-postgres/sql.js';
import { createActions } from '../../../../examples/11-host-app/host/actions.js';
import { authorize } from '../../../../examples/11-host-app/host/authorize.js';
import { createModels } from '../../../../examples/11-host-app/host/models.js';
import { createReport } from '../../../../examples/11-host-app/host/report.js';
import { createRepository } from '../../../../examples/11-host-app/host/repository.js';
import { INVOICES, SALARIES } from '../../../../examples/11-host-app/host/seed.js';
import {
  createOperatorPages,
  type OperatorPages,
} from '../../../../examples/11-host-app/operator/create-operator-pages.js';
import type { OperatorOptions } from '../../../../examples/11-host-app/operator/ports.js';
import { type BackfillService, createBackfillService } from '../../../../src/index.js';
import { createInProcessQueue } from '../../../../src/memory/index.js';

export interface TestPages {
  readonly service: BackfillService<Sql>;
  readonly options: OperatorOptions;
  /** Starts a worker. Without one, runs stay where they are. */
  work(): void;
  stop(): Promise<void>;
}

/** The service and the ports of the host application, in this process, and without anything that happens by itself. */
export function createTestPages(database: SqlDatabase, origins: readonly string[]): TestPages {
  const queue = createInProcessQueue();
  const service = createBackfillService<Sql>({
    repository: createRepository(database),
    queue,
    logger: { info() {}, warn() {}, error() {} },
  });
  return {
    service,
    options: {
      service,
      models: createModels(database, service, { transactional: false }),
      instances: createReport(database),
      actions: createActions(database),
      authorize,
      basePath: '/operator',
      origins,
    },
    work: () => queue.work((payload, { signal }) => service.handle(payload, { signal })),
    stop: () => queue.stop(),
  };
}

export interface ServedPages extends TestPages {
  readonly origin: string;
  readonly url: string;
  close(): Promise<void>;
}

/** Those pages, at a port of the loopback interface. */
export async function servePages(database: SqlDatabase, { port = 0 } = {}): Promise<ServedPages> {
  let pages: OperatorPages | undefined;
  const server = createAdaptorServer({
    fetch: (request) => pages?.fetch(request) ?? new Response(null, { status: 503 }),
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const test = createTestPages(database, [origin]);
  pages = createOperatorPages(test.options);
  return {
    ...test,
    origin,
    url: `${origin}/operator`,
    async close() {
      pages?.close();
      await test.stop();
      await new Promise((resolve) => {
        server.close(resolve);
        if ('closeAllConnections' in server) server.closeAllConnections();
      });
    },
  };
}

export const MODEL = `/models/${encodeURIComponent(INVOICES)}`;
export const HIDDEN_MODEL = `/models/${encodeURIComponent(SALARIES)}`;

/** A run that the operator of the host may not see. @returns its id. */
export async function requestHidden({ service }: TestPages): Promise<string> {
  const paths = [{ key: 'hidden_key', path: 'customer.id' }];
  const result = await service.request({ processModelId: SALARIES, paths, requestedBy: 'Ben' });
  if (result.status !== 'triggered') throw new Error(result.reason);
  return result.runId;
}

/** A run over the instances that the operator may see. @returns its id. */
export async function requestVisible({ service }: TestPages): Promise<string> {
  const paths = [{ key: 'city', path: 'customer.address.city' }];
  const result = await service.request({ processModelId: INVOICES, paths, requestedBy: 'Anna' });
  if (result.status !== 'triggered') throw new Error(result.reason);
  return result.runId;
}
