import { setTimeout } from 'node:timers/promises';
import { fixtureError, notOffered } from '../expectations.js';
import type { RepositoryFixture } from './repository-fixture.js';
import { fill, type TestedRepository, task } from './tested-repository.js';

type Transaction = NonNullable<RepositoryFixture<unknown>['transaction']>;

/** Transactions of the host, for a case in which somebody else acts beside an open one. Otherwise it is skipped. */
export async function transactionsBeside(host: TestedRepository): Promise<Transaction> {
  const { fixture } = host;
  if (fixture.transaction === undefined) notOffered('the fixture has no `transaction`');
  await assertSeveralConnections(host);
  return fixture.transaction.bind(fixture);
}

/** Ends a case as skipped if nobody could act at the same time as another. Nobody knows if the fixture has no `transaction`. */
export async function assertSeveralConnections(host: TestedRepository): Promise<void> {
  host.findings.hasSeveralConnections ??= await hasSeveralConnections(host);
  if (!host.findings.hasSeveralConnections)
    notOffered('nothing is answered while a transaction is open: there is one connection');
}

async function hasSeveralConnections(host: TestedRepository): Promise<boolean> {
  const { fixture, repository, patienceMs } = host;
  if (fixture.transaction === undefined) return true;
  const id = await host.insert({ running: true });
  const { isAnswered, asked } = await fixture.transaction(async (transaction) => {
    await fixture.addTask(id, task({}), { transaction });
    const asked = Promise.allSettled([repository.loadRun(host.newRunId())]);
    return { isAnswered: await isSettled(asked, patienceMs), asked };
  });
  await asked;
  return isAnswered;
}

/**
 * Starts a commit while a transaction of the host is open, after `before` and ahead of `after` in that transaction. The commit
 * has as much time as twenty others that wait for nobody. If it ends in that time, `after` is left out.
 */
export async function commitBeside<Result>(
  host: TestedRepository,
  transaction: Transaction,
  { before, commit, after }: CommitBeside<Result>,
): Promise<{ readonly isWaiting: boolean; readonly committing: Promise<Result> }> {
  const ms = 20 * (await msOfCommit(host));
  const started: Promise<Result>[] = [];
  let isWaiting = false;
  try {
    await transaction(async (handle) => {
      await before(handle);
      const committing = commit();
      started.push(committing);
      isWaiting = !(await isSettled(committing, Math.max(100, ms)));
      if (isWaiting) await after?.(handle);
    });
  } finally {
    await Promise.allSettled(started);
  }
  const [committing] = started;
  if (committing === undefined) throw fixtureError('transaction', 'it did not call its work');
  return { isWaiting, committing };
}

interface CommitBeside<Result> {
  before(transaction: unknown): Promise<void>;
  commit(): Promise<Result>;
  after?(transaction: unknown): Promise<void>;
}

async function msOfCommit(host: TestedRepository): Promise<number> {
  const id = await host.insert();
  const start = performance.now();
  await host.write([{ id, values: [fill('city', host.form('Oslo'))] }]);
  return performance.now() - start;
}

/** Whether it settles within some time. */
export async function isSettled(promise: Promise<unknown>, ms: number): Promise<boolean> {
  const timer = new AbortController();
  const settled = promise.then(
    () => true,
    () => true,
  );
  const isInTime = await Promise.race([
    settled,
    setTimeout(ms, false, { signal: timer.signal }).catch(() => false),
  ]);
  timer.abort();
  return isInTime;
}
