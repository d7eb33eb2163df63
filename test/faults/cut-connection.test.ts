import { afterEach, beforeEach, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import { createBackfillService, runBackfill } from '../../src/index.js';
import { createInProcessQueue } from '../../src/memory/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { type CommitFate, cuttingCommits } from './support/cut-commits.js';
import { eventually } from './support/eventually.js';
import { createInstances, type FaultHost, openFaultHost, PATHS, POSTGRES_URL } from './support/fault-host.js';
import { type SeededRandom, seededRandom } from './support/seeded-random.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';
import { expectTrueOutcome } from './support/true-outcome.js';

const CUTS = ['before', 'after', 'under-way'] as const;

describeWith(['PostgreSQL'], 'a connection that is cut in the middle of COMMIT', () => {
  let host: FaultHost;
  let proxy: TcpProxy;
  let random: SeededRandom;
  let fates: Record<CommitFate, number>;
  beforeEach(async () => {
    host = await openFaultHost();
    random = seededRandom('cut connections');
    fates = { passed: 0, before: 0, after: 0, 'under-way': 0 };
    proxy = await startTcpProxy(
      POSTGRES_URL,
      cuttingCommits(() => {
        const fate = random.next() < 0.5 ? random.pick(CUTS) : 'passed';
        fates[fate] += 1;
        return fate;
      }),
    );
  });
  afterEach(async () => {
    await host.close();
    await proxy.close();
  });

  const repositoryThroughProxy = () => createPostgresRepository(pgDatabase(host.connect({ url: proxy.url })));
  // So often in a row is bad luck that no default is made for.
  const retry = { attempts: 100, initialDelayMs: 1, maxDelayMs: 5 };

  test.each([
    { batchSize: 1, instances: 120 },
    { batchSize: 7, instances: 700 },
  ])('loses nothing and counts nothing twice, in batches of $batchSize', async ({ batchSize, instances }) => {
    await createInstances(host, instances);

    const { runId } = await runBackfill({
      repository: repositoryThroughProxy(),
      processModelId: MODEL,
      paths: PATHS,
      batchSize,
      retry,
    });

    console.log(`COMMIT: ${JSON.stringify(fates)}`);
    for (const cut of CUTS) expect(fates[cut]).toBeGreaterThan(5);
    const { status } = createBackfillService({ repository: host.repository, queue: createInProcessQueue() });
    await expectTrueOutcome(host, await status(runId));
  });

  test('loses nothing and counts nothing twice, in slices of two workers with a sweep', async () => {
    await createInstances(host, 500);
    const queue = createInProcessQueue({ concurrency: 2 });
    const tuning = { batchSize: 7, sliceMs: 20, retry };
    const service = createBackfillService({ repository: repositoryThroughProxy(), queue, ...tuning });
    queue.work((payload, { signal }) => service.handle(payload, { signal }));
    const sweeping = setInterval(() => service.sweep({ staleAfterMs: 1000 }).catch(() => {}), 200);

    const requested = await service.request({ processModelId: MODEL, paths: PATHS });
    if (requested.status !== 'triggered') throw new Error(requested.reason);
    const status = await eventually(async () => {
      const found = await service.status(requested.runId);
      return found.endedAt !== null && found;
    });
    clearInterval(sweeping);
    await queue.stop();

    console.log(`COMMIT: ${JSON.stringify(fates)}`);
    for (const cut of CUTS) expect(fates[cut]).toBeGreaterThan(5);
    await expectTrueOutcome(host, status);
  });
});
