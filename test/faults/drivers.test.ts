import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  type BackfillReport,
  type BackfillRepository,
  isBackfillError,
  type PortError,
  runBackfill,
} from '../../src/index.js';
import { intercept } from '../support/intercept.js';
import { describeWith } from '../support/servers.js';
import { ALL_DRIVERS } from './drivers/all-drivers.js';
import { type DriverHost, openDriverHost } from './drivers/driver-host.js';
import { createRawRepository } from './drivers/raw-repository.js';
import type { SqlDriver } from './drivers/sql-driver.js';
import { type CommitFate, cuttingCommits } from './support/cut-commits.js';
import { seededRandom } from './support/seeded-random.js';
import { startTcpProxy, type TcpProxy } from './support/tcp-proxy.js';

const CUTS = ['before', 'after', 'under-way'] as const;
const RUN = { processModelId: 'model', paths: [{ key: 'number', path: 'number' }] };

for (const { name, server, open } of ALL_DRIVERS) {
  describeWith([server], `${name} on ${server}`, (urls) => {
    let host: DriverHost;
    let proxy: TcpProxy;
    let driver: SqlDriver;
    let decide: () => CommitFate;
    beforeEach(async () => {
      decide = () => 'passed';
      host = await openDriverHost((urls as Record<string, string>)[server] ?? '');
      proxy = await startTcpProxy(
        host.url,
        cuttingCommits(() => decide()),
      );
      driver = await open(proxy.url);
    });
    afterEach(async () => {
      await driver.close();
      await proxy.close();
      await host.close();
    });

    async function insertInstances(values: readonly unknown[]): Promise<void> {
      for (const [index, number] of values.entries())
        await host.query('insert into instance (id, data) values (?, ?)', [
          index + 1,
          JSON.stringify({ number }),
        ]);
    }

    const numbersUpTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

    async function expectAllFilled(report: BackfillReport, count: number): Promise<void> {
      expect(report).toMatchObject({ state: 'completed', total: count, processed: count, updated: count });
      const rows = await host.query('select instance_id as id, value from metadata order by instance_id');
      expect(rows).toEqual(numbersUpTo(count).map((id) => ({ id, value: String(id) })));
    }

    /** Goes on with a run after each error that says that one may. */
    async function untilCompleted(
      repository: BackfillRepository<never, number>,
      options: object,
    ): Promise<{ readonly report: BackfillReport; readonly errors: readonly PortError[] }> {
      const errors: PortError[] = [];
      for (;;) {
        const runId = errors.at(-1)?.runId;
        try {
          const call = runId == null ? { ...RUN, ...options } : { runId, ...options };
          return { report: await runBackfill({ repository, ...call }), errors };
        } catch (error) {
          if (!isBackfillError(error, 'PORT_FAILED') || !error.retryable || errors.length > 20) throw error;
          errors.push(error);
        }
      }
    }

    test('a connection that is cut before, during and after COMMIT loses nothing and blames nobody', async () => {
      await insertInstances(numbersUpTo(120));
      const random = seededRandom(`cut connections of ${name} on ${server}`);
      const fates = { passed: 0, before: 0, after: 0, 'under-way': 0 };
      decide = () => {
        const fate = random.next() < 0.5 ? random.pick(CUTS) : 'passed';
        fates[fate] += 1;
        return fate;
      };

      const report = await runBackfill({
        ...RUN,
        repository: createRawRepository(driver),
        batchSize: 1,
        retry: { attempts: 100, initialDelayMs: 1, maxDelayMs: 5 },
      });

      console.log(`${name} on ${server}: COMMIT ${JSON.stringify(fates)}`);
      for (const cut of CUTS) expect(fates[cut]).toBeGreaterThan(5);
      await expectAllFilled(report, 120);
    });

    test('a connection that is cut at one instance in each of its tries does not blame that instance', async () => {
      await insertInstances(numbersUpTo(10));
      let commits = 0;
      decide = () => {
        commits += 1;
        return commits > 5 && commits <= 10 ? 'before' : 'passed';
      };
      const retry = { attempts: 5, initialDelayMs: 1, maxDelayMs: 5 };

      const { report } = await untilCompleted(createRawRepository(driver), { batchSize: 1, retry });

      await expectAllFilled(report, 10);
    });

    test.each([1, 10])(
      'a server that is down for three seconds loses nothing and blames nobody, in batches of %i',
      async (batchSize) => {
        await insertInstances(numbersUpTo(20));
        let comesBack: Promise<unknown> | null = null;
        const repository = intercept(createRawRepository(driver), async ({ method, count, proceed }) => {
          if (method === 'commit' && count === 4) {
            await proxy.goDown();
            comesBack = setTimeout(3000).then(() => proxy.comeBack());
          }
          return proceed();
        });

        const { report, errors } = await untilCompleted(repository, { batchSize });
        await comesBack;

        console.log(`${name} on ${server}: ${errors.map(({ message }) => message).join('\n') || 'no error'}`);
        await expectAllFilled(report, 20);
      },
    );

    test('a deadlock has the batch committed again', async () => {
      await insertInstances(numbersUpTo(20));
      const errors: unknown[] = [];
      const repository = intercept(createRawRepository(driver), async ({ method, count, proceed }) => {
        if (method !== 'commit' || count !== 4) return proceed().catch(note);
        // A live transaction holds 15 and has written more than the batch: MariaDB undoes the lighter one.
        await host.query('begin');
        for (const id of numbersUpTo(30))
          await host.query("insert into run values (?, 'more', 'more', 0, null, '')", [`more ${id}`]);
        await host.query('select id from instance where id = 15 for update');
        const committing = proceed().catch(note);
        committing.catch(() => {}); // it is awaited later
        await setTimeout(400); // by now it has locked 11 to 14, and waits
        await host.query('select id from instance where id = 12 for update');
        await host.query('rollback');
        return committing;
      });
      function note(error: unknown): never {
        errors.push(error);
        throw error;
      }

      const report = await runBackfill({ ...RUN, repository, batchSize: 10 });

      expect(errors).toHaveLength(1);
      await expectAllFilled(report, 20);
    });

    test('values that are refused cost only their own instances, and say why without any value', async () => {
      const secret = `secret ${'x'.repeat(50)}`;
      const values: unknown[] = numbersUpTo(20);
      values[2] = secret; // too long
      values[6] = '-1 secret'; // refused by a constraint
      values[11] = 'unwanted secret'; // refused by a trigger
      await insertInstances(values);

      const report = await runBackfill({ ...RUN, repository: createRawRepository(driver) });

      console.log(`${name} on ${server}: ${report.failures.map(({ reason }) => reason).join('\n')}`);
      expect(report).toMatchObject({
        state: 'completed_with_failures',
        processed: 17,
        updated: 17,
        failed: 3,
      });
      expect(report.failures).toMatchObject([{ instanceId: 3 }, { instanceId: 7 }, { instanceId: 12 }]);
      const [long, constraint, trigger] = report.failures.map(({ reason }) => reason);
      expect(long).toMatch(/too long .*\((SQLSTATE 22001|ER_DATA_TOO_LONG)\)$/i);
      expect(constraint).toMatch(/no_negative_number.*\((SQLSTATE 23514|ER_CONSTRAINT_FAILED|errno 4025)\)$/);
      expect(trigger).toMatch(/^no report wants the value … \((SQLSTATE P0001|ER_SIGNAL_EXCEPTION)\)$/);
      for (const { reason } of report.failures) expect(reason).not.toMatch(/secret|insert|params/i);
    });
  });
}
