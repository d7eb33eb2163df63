import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

/**
 * `npm run test:slow`: workers that are killed, servers that go down, job runners whose pauses take long, big tables, random
 * pages, examples in processes of their own, outages of every length, every conformance case on every broken adapter, the
 * repository of example 3 on four databases, and what needs most of a small heap.
 */
const SLOW = [
  'test/bench/bench.test.ts',
  'test/examples/examples.test.ts',
  'test/examples/host-app/*.test.ts',
  'test/examples/job-runners.test.ts',
  'test/postgres/plans.test.ts',
  'test/postgres/random-pages.test.ts',
  'test/postgres/recipes.test.ts',
  'test/examples/sql-databases.test.ts',
  'test/extraction/large-values.test.ts',
  'test/faults/busy-instances.test.ts',
  'test/faults/competing-requests.test.ts',
  'test/faults/cut-{connection,sql-databases}.test.ts',
  'test/faults/database-errors.test.ts',
  'test/faults/killed-workers.test.ts',
  'test/faults/late-inserts.test.ts',
  'test/faults/drivers.test.ts',
  'test/faults/lost-commits.test.ts',
  'test/faults/rabbitmq.test.ts',
  'test/faults/servers-down.test.ts',
  'test/faults/statement-timeout.test.ts',
  'test/faults/stopped-worker.test.ts',
  'test/package/host-conformance.test.ts',
  'test/run/{outages,overtaken}.test.ts',
  'test/testing/broken-{queues,repositories}.test.ts',
  'test/postgres/conformance.test.ts',
  'test/stores/*.test.ts',
  'test/stores/plans/*.test.ts',
  'test/testing/beside-a-live-host.test.ts',
  'test/testing/{bullmq,graphile-worker,pg-boss,rabbitmq}-queue.test.ts',
  'test/testing/sql-repository.test.ts',
];

/** Tests that change what all tests of a process share: its time zone, its prototypes, its count of warnings, a module. */
const ISOLATED = [
  'test/extraction/extract-metadata.test.ts',
  'test/input/without-stack.test.ts',
  'test/memory/create-{in-process-queue,memory-repository}.test.ts',
  'test/run/{log-lines,polluted-prototype,run-channel}.test.ts',
];

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: {
    alias: [
      { find: /^process-metadata-backfill$/, replacement: source('index.ts') },
      { find: /^process-metadata-backfill\/memory$/, replacement: source('memory/index.ts') },
      { find: /^process-metadata-backfill\/postgres$/, replacement: source('postgres/index.ts') },
      { find: /^process-metadata-backfill\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    projects: [
      // Its files share processes, because a process of its own for each takes a third of the time. Concurrent tests mostly wait.
      {
        extends: true,
        test: {
          name: 'fast',
          include: ['test/**/*.test.ts'],
          exclude: [...SLOW, ...ISOLATED],
          isolate: false,
          maxConcurrency: 30,
        },
      },
      { extends: true, test: { name: 'isolated', include: ISOLATED } },
      { extends: true, test: { name: 'slow', include: SLOW } },
    ],
    // Many files wait for servers and processes most of the time.
    maxWorkers: '100%',
    globalSetup: [source('../test/support/name-absent-servers.ts'), source('../test/support/pglite.ts')],
    // Examples that tests start as processes import the package from src, too: dist belongs to nobody's test.
    env: { TSX_TSCONFIG_PATH: source('../test/tsconfig.json') },
    // Against a test that hangs. A busy machine may take ten times as long as a calm one.
    testTimeout: 300_000,
    hookTimeout: 300_000,
  },
});
