import { setTimeout } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { createBackfillService } from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { describeWith } from '../support/servers.js';
import { compileCheckout } from './support/compiled-checkout.js';
import { eventually } from './support/eventually.js';
import { createInstances, openFaultHost, PATHS, REDIS_URL } from './support/fault-host.js';
import { LONGEST_DELAY_MS } from './support/runners/rabbitmq.js';
import { openRunner } from './support/runners/runner.js';
import { startTcpProxy } from './support/tcp-proxy.js';
import { expectTrueOutcome } from './support/true-outcome.js';
import { type Fault, startWorker } from './support/worker-process.js';

const INSTANCES = 20_000;
const OUTAGE_MS = 6000;

/** So RabbitMQ itself has to deliver again what was lost. */
const NEVER_SWEEPING = { sweepEveryMs: 3_600_000, staleAfterMs: 3_600_000 };

describeWith(
  ['PostgreSQL', 'RabbitMQ'],
  'three workers on RabbitMQ, without a sweep',
  ({ RabbitMQ: url }) => {
    test('finish a run that starts late, through two SIGKILLs and an outage of the broker, and SQL counts each row once', async ({
      onTestFinished,
    }) => {
      const host = await openFaultHost();
      onTestFinished(() => host.close());
      await createInstances(host, INSTANCES);
      await host.query('alter table written_row add written_at timestamptz default clock_timestamp()');
      const compiled = await compileCheckout();
      onTestFinished(() => compiled.remove());
      const proxy = await startTcpProxy(url);
      onTestFinished(() => proxy.close());
      const place = { ...host, postgresUrl: host.url, redisUrl: REDIS_URL, amqpUrl: proxy.url };
      const jobs = await openRunner('rabbitmq', place);
      onTestFinished(async () => {
        await jobs.close();
        await jobs.clear();
      });

      const start = async (fault: Fault | null) => {
        const tuning = { batchSize: 50, sliceMs: 100, latencyMs: 8, sweeping: NEVER_SWEEPING };
        const worker = startWorker(compiled, host, {
          ...tuning,
          runner: 'rabbitmq',
          amqpUrl: proxy.url,
          fault,
        });
        onTestFinished(async () => {
          worker.child.kill('SIGKILL');
          await worker.ended;
        });
        await worker.reaches('work');
        return worker;
      };
      const [first, second] = await Promise.all([
        start({ at: 'inside-commit', nth: 9, suffer: 'SIGKILL' }),
        start({ at: 'before-enqueue', nth: 4, suffer: 'SIGKILL' }),
        start(null),
      ]);

      const service = createBackfillService({ repository: host.repository, queue: jobs.queue });
      const startAfter = new Date(Date.now() + LONGEST_DELAY_MS + 1500);
      const requested = await service.request({ processModelId: MODEL, paths: PATHS, shards: 3, startAfter });
      if (requested.status !== 'triggered') throw new Error(requested.reason);
      const status = () => service.status(requested.runId);

      for (const { ended } of [first, second]) expect(await ended).toMatchObject({ signal: 'SIGKILL' });
      await Promise.all([start(null), start(null)]);
      await proxy.goDown();
      await setTimeout(OUTAGE_MS);
      const { state, processed, total } = await status();
      expect(state).toBe('running');
      expect(processed).toBeLessThan(total ?? 0);
      await proxy.comeBack();
      const ended = await eventually(async () => {
        const now = await status();
        return now.endedAt !== null && now;
      });

      await expectTrueOutcome(host, ended);
      expect(ended.total).toBe(INSTANCES);
      const early = 'select count(*)::int as count from written_row where written_at < $1';
      expect(await host.query(early, [startAfter])).toEqual([{ count: 0 }]);
    });
  },
);
