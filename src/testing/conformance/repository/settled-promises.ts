import { setTimeout } from 'node:timers/promises';
import type { SettledAnswer } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { transactionsBeside } from './several-connections.js';
import { type TestedRepository, task } from './tested-repository.js';

/** What a repository says about transactions that may still insert instances. */
export const settledPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'settled: returns the mark that it was given',
    capability: 'settled',
    advice: 'make a new mark only when you are given null.',
    async check(host) {
      const ask = settledOf(host);
      const { mark } = await ask(null);

      expectEqual('the mark', (await ask(mark)).mark, mark);
    },
  },
  {
    name: 'settled: is false while a transaction that was open at the mark is still open',
    capability: 'settled',
    advice:
      'let the mark name every open transaction, also one that has only read so far. In PostgreSQL, these are the virtual transaction ids in `pg_locks`.',
    async check(host) {
      const ask = settledOf(host);

      const answers = await inTransaction(host, async () => {
        const first = await ask(null);
        return [first.settled, (await ask(first.mark)).settled];
      });

      expectEqual('what is answered for a new mark, and then for this mark', answers, [false, false]);
    },
  },
  {
    name: 'settled: is true once the transactions that were open at the mark have ended',
    capability: 'settled',
    advice: 'compare the open transactions with those that the mark names.',
    async check(host) {
      const ask = settledOf(host);
      const { mark } = await inTransaction(host, () => ask(null));

      expectEqual('what is answered at last', await settles(host, ask, mark), true);
    },
  },
  {
    name: 'settled: counts no transaction that began after the mark',
    capability: 'settled',
    advice: 'look only for the transactions that the mark names, not for all that are open.',
    async check(host) {
      const ask = settledOf(host);
      const { mark } = await ask(null);

      const answer = await inTransaction(host, () => settles(host, ask, mark));

      expectEqual('what is answered at last', answer, true);
    },
  },
];

type Ask = (mark: string | null) => Promise<SettledAnswer>;

function settledOf({ repository }: TestedRepository): Ask {
  return repository.settled?.bind(repository) ?? notOffered('the repository has no `settled`');
}

/** Asks while a transaction of the host is open, which has read or written something. */
async function inTransaction<Answer>(host: TestedRepository, ask: () => Promise<Answer>): Promise<Answer> {
  const transaction = await transactionsBeside(host);
  const id = await host.insert({ running: true });
  return transaction(async (handle) => {
    // Without `transactional`, only methods of the fixture work in a transaction, and these write.
    if (host.repository.transactional === true) await readInside(host, handle);
    else await host.fixture.addTask(id, task({}), { transaction: handle });
    return ask();
  });
}

async function readInside({ repository, processModelId }: TestedRepository, transaction: unknown) {
  const any = { processModelId, activeKey: null, active: null, before: null, limit: 1 };
  await repository.findRuns(any, { transaction });
}

/** Other transactions of the database may have been open at the mark, too. */
async function settles({ patienceMs }: TestedRepository, ask: Ask, mark: string): Promise<boolean> {
  const until = performance.now() + patienceMs;
  for (let pauseMs = 1; performance.now() < until; pauseMs = Math.min(2 * pauseMs, 500)) {
    if ((await ask(mark)).settled) return true;
    await setTimeout(pauseMs);
  }
  return (await ask(mark)).settled;
}
