import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import type { RepositoryFixture } from './repository-fixture.js';
import { fill, NEXT_REVISION, REVISION, type TestedRepository } from './tested-repository.js';

/** How a commit takes part in a transaction of the host. */
export const transactionPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'transactions: a commit in a transaction of the host is stored when the host commits',
    capability: 'transactions',
    advice:
      'send every statement of the call through `options.transaction`, and let the host end that transaction.',
    async check(host) {
      const transaction = transactionsOf(host);
      const id = await host.insert();
      const record = host.record({ activeKey: `key ${host.newRunId()}` });
      const runs = {
        processModelId: host.processModelId,
        activeKey: null,
        active: true,
        before: null,
        limit: 9,
      };

      const inside = await transaction(async (handle) => {
        const { status } = await writeInside(host, id, record, handle);
        const options = { transaction: handle };
        const loaded = await host.repository.loadRun(record.runId, options);
        const found = await host.repository.findRuns(runs, options);
        return { status, loaded: loaded.length, found: found.length };
      });

      expectEqual('what is seen inside the transaction', inside, {
        status: 'committed',
        loaded: 1,
        found: 1,
      });
      await host.expectMetadata(id, { city: 'Oslo' });
      await host.expectRecords(record.runId, [record]);

      const next = { ...record, revision: NEXT_REVISION };
      await transaction((handle) => writeInside(host, id, next, handle, REVISION));
      await host.expectRecords(record.runId, [next]);
    },
  },
  {
    name: 'transactions: a commit in a transaction of the host is undone when the host rolls back',
    capability: 'transactions',
    advice:
      'send every statement of the call through `options.transaction`. Do not open or commit a transaction of your own.',
    async check(host) {
      const transaction = transactionsOf(host);
      const id = await host.insert();
      const record = host.record();
      let status: string | null = null;

      await transaction(async (handle) => {
        ({ status } = await writeInside(host, id, record, handle));
        throw new Error('the host rolls back');
      }).catch((error: unknown) => {
        if (status === null) throw error; // another error than the one above
      });

      expectEqual('the status inside the transaction', status, 'committed');
      await host.expectMetadata(id, {});
      await host.expectRecords(record.runId, []);
    },
  },
  {
    name: 'transactions: a refused commit leaves nothing in a transaction of the host, which stays usable or fails as a whole',
    capability: 'transactions',
    advice:
      'set a savepoint before the commit, and roll back to it when you refuse. Never leave half of a commit for the host to commit.',
    async check(host) {
      const transaction = transactionsOf(host);
      const [refused, written] = [await host.insert(), await host.insert()];
      const activeKey = `key ${host.newRunId()}`;
      await host.store(host.record({ activeKey }));
      const [loser, winner] = [host.record({ activeKey }), host.record()];

      const [settled] = await Promise.allSettled([
        transaction(async (handle) => {
          const first = await writeInside(host, refused, loser, handle);
          await writeInside(host, written, winner, handle);
          return first.status;
        }),
      ]);

      const isCommitted = settled.status === 'fulfilled';
      if (isCommitted) expectEqual('the status of the refused commit', settled.value, 'conflict');
      await host.expectMetadata(refused, {});
      await host.expectRecords(loser.runId, []);
      await host.expectMetadata(written, isCommitted ? { city: 'Oslo' } : {});
      await host.expectRecords(winner.runId, isCommitted ? [winner] : []);
    },
  },
];

/** How the host runs work in a transaction of its own. */
export function transactionsOf({
  repository,
  fixture,
}: TestedRepository): NonNullable<RepositoryFixture<unknown>['transaction']> {
  if (repository.transactional !== true) notOffered('the repository does not say `transactional: true`');
  if (fixture.transaction === undefined) {
    throw new Error('The repository says `transactional: true`, so its fixture needs a `transaction`.');
  }
  return fixture.transaction.bind(fixture);
}

async function writeInside(
  host: TestedRepository,
  id: string | number,
  record: ReturnType<TestedRepository['record']>,
  transaction: unknown,
  revision: string | null = null,
) {
  const { result } = await host.write(
    [{ id, values: [fill('city', host.form('Oslo'))] }],
    { expected: [{ id: record.id, revision }], next: () => [record] },
    { transaction },
  );
  return result;
}
