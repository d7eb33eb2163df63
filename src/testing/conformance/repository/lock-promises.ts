import type { InstanceId, InstanceWrites, RunRecord } from '../../../ports/repository.js';
import { classifyError } from '../../../run/calls/classify-error.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { expectOutcome } from './expect-outcome.js';
import { commitBeside, transactionsBeside } from './several-connections.js';
import { at, fill, NEXT_REVISION, REVISION, type TestedRepository, task } from './tested-repository.js';
import { transactionsOf } from './transaction-promises.js';

const READ_COMMITTED =
  'If the error says "could not serialize access", or that the row has changed since the snapshot: commit at READ COMMITTED, because a lock at REPEATABLE READ fails after the wait.';

/** How a commit waits for an open transaction of the host, without a deadlock. */
export const lockPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: waits for a save that is under way, and then leaves its instance out',
    capability: 'saves under way',
    advice:
      'lock the instances in one statement, and compare versions in a later one, which sees what the save has committed. A save must also lock or update the row of its instance, and so must `addTask` of the fixture. The lock of a foreign key alone does not block `for share`. ' +
      READ_COMMITTED,
    async check(host) {
      const transaction = await transactionsBeside(host);
      const id = await insertRunning(host);
      const writes = await writesFor(host, id);
      if (writes.version === undefined) notOffered('snapshots of running instances come without a version');

      const run = await host.storeRun();

      const { committing } = await commitBeside(host, transaction, {
        before: (handle) => save(host, id, handle),
        commit: () => host.write([writes], run),
      });

      expectOutcome(await committing, { kept: [], moved: [id] });
      await host.expectMetadata(id, {});
    },
  },
  {
    name: 'commit: when it fills, waits for a live value that is not committed yet, keeps it, and reports it',
    capability: 'live values under way',
    advice:
      "a unique key of the metadata makes the commit wait. If it is violated, keep the live value, or roll back and reject with a transient error. Only a violation in the table of runs is a 'conflict'. (`setMetadata` of the fixture has to work in `options.transaction`.)",
    async check(host) {
      const transaction = await transactionsBeside(host);
      const [id, other] = [await host.insert(), await host.insert()];
      const writes = [id, other].map((one) => ({ id: one, values: [fill('city', host.form('Oslo'))] }));

      const run = await host.storeRun();

      const { isWaiting, committing } = await commitBeside(host, transaction, {
        before: (handle) => host.setMetadata(id, 'city', 'live', { transaction: handle }),
        commit: () => host.write(writes, run),
      });

      expectOutcome(await committing, { kept: [{ id, key: 'city' }] });
      await host.expectMetadata(id, { city: 'live' });
      await host.expectMetadata(other, { city: 'Oslo' });
      if (!isWaiting) notOffered('a commit does not wait for `setMetadata` in a transaction of the fixture');
    },
  },
  {
    name: 'commit: locks instances in ascending order, so that no save waits in a circle with it',
    capability: 'instances locked by others',
    advice: `lock the instances in ascending order of their ids, in a statement of its own (\`order by id for share\`). A save of several instances locks them in this order, too. ${READ_COMMITTED}`,
    async check(host) {
      const transaction = await transactionsBeside(host);
      const [lower, upper] = ascending(await insertRunning(host), await insertRunning(host));
      const commitAndSave = (first: InstanceId, second: InstanceId) =>
        unlessByChance(host, async () => {
          const writes = [await writesFor(host, lower), await writesFor(host, upper)];

          const run = await host.storeRun();

          const { isWaiting, committing } = await commitBeside(host, transaction, {
            before: (handle) => save(host, first, handle),
            commit: () => host.write(writes, run, { isOnlyTry: true }),
            after: (handle) => save(host, second, handle),
          });

          if (!isWaiting) notOffered('a commit does not wait for `addTask` in a transaction of the fixture');
          expectEqual('the status', (await committing).result.status, 'committed');
        });

      await commitAndSave(lower, upper).catch((error: unknown) => {
        if (!mayBeSortedByLanguage(lower) || !isDeadlock(host, error)) throw error;
        return commitAndSave(upper, lower);
      });
    },
  },
  {
    name: 'commit: locks records in ascending order of their ids, so that no two commits wait in a circle',
    capability: 'records locked by others',
    advice: `lock the records of \`expected\` ordered by id, in whatever order they are given. ${READ_COMMITTED}`,
    async check(host) {
      transactionsOf(host);
      const transaction = await transactionsBeside(host);
      await unlessByChance(host, async () => {
        const [lower, upper] = [host.record(), host.record()];
        for (const record of [lower, upper]) await host.store(record);

        const { isWaiting, committing } = await commitBeside(host, transaction, {
          before: (handle) => change(host, [lower], { transaction: handle }).then(() => {}),
          commit: () => change(host, [upper, lower], { isOnlyTry: true }),
          after: (handle) => change(host, [upper], { transaction: handle }).then(() => {}),
        });

        if (!isWaiting) notOffered('a commit does not wait for one in a transaction of the host');
        expectEqual('the status', await committing, 'conflict');
      });
    },
  },
];

function insertRunning(host: TestedRepository): Promise<InstanceId> {
  return host.insert({ running: true, tasks: [task({ city: 'old' }, { endedAt: at(1) })] });
}

function save(host: TestedRepository, id: InstanceId, transaction: unknown): Promise<void> {
  return host.fixture.addTask(id, task({ city: 'new' }, { endedAt: at(2) }), { transaction });
}

/** By number, if they are numbers or digits. The times of their creation may be the other way around. */
function ascending(a: InstanceId, b: InstanceId): [lower: InstanceId, upper: InstanceId] {
  const isBefore = [a, b].every((id) => /^\d+$/.test(String(id))) ? BigInt(a) < BigInt(b) : a < b;
  return isBefore ? [a, b] : [b, a];
}

/** Nobody knows in which order a database has other texts. */
function mayBeSortedByLanguage(id: InstanceId): boolean {
  return typeof id === 'string' && !/^[\da-f-]+$/.test(id);
}

/** As a page of the run sees the instance. */
async function writesFor(host: TestedRepository, id: InstanceId): Promise<InstanceWrites> {
  const { version } = await host.readOne(id);
  return { id, ...(version !== undefined && { version }), values: [fill('city', host.form('Oslo'))] };
}

async function change(
  host: TestedRepository,
  records: readonly RunRecord[],
  options: Parameters<TestedRepository['write']>[2],
) {
  const { result } = await host.write(
    [],
    {
      expected: records.map(({ id }) => ({ id, revision: REVISION })),
      next: () => records.map((record) => ({ ...record, revision: NEXT_REVISION })),
    },
    options,
  );
  return result.status;
}

/** A deadlock with somebody else in the database comes once or twice. One caused by a wrong order of locks comes each time. */
async function unlessByChance(host: TestedRepository, scenario: () => Promise<void>): Promise<void> {
  for (let times = 1; ; times += 1) {
    try {
      return await scenario();
    } catch (error) {
      if (times >= MOST_TIMES || !isDeadlock(host, error)) throw error;
    }
  }
}

const MOST_TIMES = 3;

/** An error of the fixture may carry the deadlock as its `cause`. */
function isDeadlock({ repository }: TestedRepository, error: unknown): boolean {
  return [error, Object(error).cause].some((one) => classifyError(repository, one) === 'transient');
}
