import type { CommitResult, InstanceId } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered, sorted } from '../expectations.js';
import { at, fill, type TestedRepository, task } from './tested-repository.js';

const ONE_TRANSACTION =
  'put all statements of a commit into one transaction, and roll it back before you answer or reject.';

/** That a commit happens whole or not at all, and when it is refused. */
export const commitPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: stores values and records together',
    mend: 'store every record that `next` returns, in the same transaction as the values.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();
      const records = [
        host.record({ id: runId, runId, activeKey: runId }),
        host.record({ id: `${runId}_0`, runId, content: { step: 0 } }),
      ];

      const { result } = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
        expected: records.map((record) => ({ id: record.id, revision: null })),
        next: () => records,
      });

      expectEqual('the status', result.status, 'committed');
      await host.expectMetadata(id, { city: 'Oslo' });
      await host.expectRecords(runId, records);
    },
  },
  {
    name: 'commit: rejects with nothing changed when `next` throws',
    mend: ONE_TRANSACTION,
    async check(host) {
      const id = await host.insert();
      const record = host.record();
      await host.store(record);

      const committing = host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
        expected: [{ id: record.id, revision: 1 }],
        next: () => {
          throw new Error('thrown by the conformance case');
        },
      });
      const [settled] = await Promise.allSettled([committing]);

      expectEqual('what became of the commit', settled.status, 'rejected');
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: answers conflict, with nothing changed, when a record has another revision',
    mend: `compare the revision of every one of \`expected\` under a lock, as the first step. ${ONE_TRANSACTION}`,
    async check(host) {
      const id = await host.insert();
      const record = host.record({ revision: 7 });
      await host.store(record);

      for (const revision of [6, 8]) await expectConflict(host, id, [{ id: record.id, revision }]);
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: answers conflict, with nothing changed, when a record exists that is not to exist',
    mend: '`revision: null` in `expected` says that there is no such record; insert it without `on conflict … update`.',
    async check(host) {
      const id = await host.insert();
      const record = host.record({ content: { first: true } });
      await host.store(record);

      await expectConflict(host, id, [{ id: record.id, revision: null }]);
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: answers conflict, with nothing changed, when a record does not exist that is to exist',
    mend: 'a record that is missing has no revision, and is not to be inserted when one was expected.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();

      await expectConflict(host, id, [{ id: runId, revision: 1 }]);
      await expectUnchanged(host, id, runId, []);
    },
  },
  {
    name: 'commit: answers conflict, with nothing changed, when only one of several records has another revision',
    mend: 'compare all of `expected` before anything is written.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();
      const records = [
        host.record({ id: runId, runId }),
        host.record({ id: `${runId}_0`, runId, revision: 3 }),
      ];
      await host.store(...records);

      await expectConflict(host, id, [
        { id: runId, revision: 1 },
        { id: `${runId}_0`, revision: 2 },
      ]);
      await expectUnchanged(host, id, runId, records);
    },
  },
  {
    name: 'commit: answers conflict, with nothing changed, when another record holds the active key',
    mend: `make activeKey unique where it is not null, and turn that violation into 'conflict'. ${ONE_TRANSACTION}`,
    async check(host) {
      const id = await host.insert();
      const holder = host.record({ activeKey: `key ${host.newRunId()}` });
      const other = host.record();
      await host.store(holder);
      await host.store(other);
      const values = [fill('city', host.form('Oslo'))];
      const { activeKey } = holder;

      const newRun = host.record({ activeKey });
      const inserted = await host.write([{ id, values }], {
        expected: [{ id: newRun.id, revision: null }],
        next: () => [newRun],
      });
      const updated = await host.write([{ id, values }], {
        expected: [{ id: other.id, revision: 1 }],
        next: () => [{ ...other, revision: 2, activeKey }],
      });

      expectEqual('the status for a new record', inserted.result.status, 'conflict');
      expectEqual('the status for a stored record', updated.result.status, 'conflict');
      await expectUnchanged(host, id, newRun.runId, []);
      await host.expectRecords(other.runId, [other]);
      await host.expectRecords(holder.runId, [holder]);
    },
  },
  {
    name: 'commit: takes an active key that has become free, and any number of records without one',
    mend: 'a unique index over a column that may be null; store null, not an empty text.',
    async check(host) {
      const activeKey = `key ${host.newRunId()}`;
      const [first, second] = [host.record({ activeKey }), host.record({ activeKey })];
      await host.store(first);
      const ended = { ...first, revision: 2, activeKey: null };
      await host.write([], { expected: [{ id: first.id, revision: 1 }], next: () => [ended] });

      expectEqual('the status for the key that is free', (await host.store(second)).status, 'committed');
      expectEqual('the status without a key', (await host.store(host.record())).status, 'committed');
      await host.expectRecords(first.runId, [ended]);
      await host.expectRecords(second.runId, [second]);
    },
  },
  {
    name: 'commit: tells active keys apart that differ in case alone',
    mend: 'give the column of activeKey a binary collation: the keys are fingerprints.',
    async check(host) {
      const key = host.newRunId();

      const statuses = [];
      for (const activeKey of [`${key}a`, `${key}A`]) {
        statuses.push((await host.store(host.record({ activeKey }))).status);
      }
      expectEqual('the statuses', statuses, ['committed', 'committed']);
    },
  },
  {
    name: 'commit: answers not-exhausted, with nothing changed, while an instance is left in the range',
    mend: `look for instances of the model with \`cursor > after and cursor <= upTo\` (and \`instanceIds\`) in the same transaction. ${ONE_TRANSACTION}`,
    async check(host) {
      const [first = '', second = '', third = ''] = await host.insertMany(3);
      const { processModelId } = host;
      const [one, two, three] = [
        await host.cursorOf(first),
        await host.cursorOf(second),
        await host.cursorOf(third),
      ];

      const ranges = [
        { after: two, upTo: three, instanceIds: null },
        { after: null, upTo: one, instanceIds: null },
        { after: one, upTo: three, instanceIds: [second] },
      ];
      for (const range of ranges) {
        const record = host.record();
        const { result } = await host.write([{ id: first, values: [fill('city', host.form('Oslo'))] }], {
          exhausted: { processModelId, ...range },
          expected: [{ id: record.id, revision: null }],
          next: () => [record],
        });
        expectEqual('the status', result.status, 'not-exhausted');
        await expectUnchanged(host, first, record.runId, []);
      }
    },
  },
  {
    name: 'commit: takes a range for exhausted that holds no instance of the selection',
    mend: 'count neither the instance at `after`, nor those behind `upTo`, of other models, outside of `instanceIds` or deleted.',
    async check(host) {
      const [first = '', second = ''] = await host.insertMany(2);
      const [one, two] = [await host.cursorOf(first), await host.cursorOf(second)];
      await host.insert({ processModelId: `${host.processModelId}/other` });
      const deleted = await host.insert();
      const upTo = await host.cursorOf(deleted);
      await host.fixture.deleteInstance(deleted);
      const { processModelId } = host;

      const ranges = [
        { after: two, upTo, instanceIds: null },
        { after: one, upTo: two, instanceIds: [first] },
        { after: one, upTo: one, instanceIds: null },
      ];
      for (const range of ranges) {
        const { result } = await host.write([], { exhausted: { processModelId, ...range } });
        expectEqual('the status', result.status, 'committed');
      }
    },
  },
  {
    name: 'commit: answers stale, with nothing changed, when an instance has newer task data than the page',
    capability: 'versions',
    mend: 'compare each `version` with the present one after the instances are locked, and name those that differ.',
    async check(host) {
      const running = () =>
        host.insert({ running: true, tasks: [task({ city: 'old' }, { endedAt: at(1) })] });
      const [moved, still, starting] = [
        await running(),
        await running(),
        await host.insert({ running: true }),
      ];
      const writes = [];
      for (const id of [moved, still, starting]) {
        const { version } = await host.readOne(id);
        if (version === undefined) notOffered('snapshots of running instances come without a version');
        writes.push({ id, version, values: [fill('city', host.form('Oslo'))] });
      }
      for (const id of [moved, starting]) {
        await host.fixture.addTask(id, task({ city: 'new' }, { endedAt: at(2) }));
      }
      const record = host.record();

      const { result } = await host.write(writes, {
        expected: [{ id: record.id, revision: null }],
        next: () => [record],
      });

      expectEqual('the status', result.status, 'stale');
      expectEqual('the stale instances', staleIds(result), sorted([moved, starting]));
      for (const id of [moved, still, starting]) await expectUnchanged(host, id, record.runId, []);
    },
  },
  {
    name: 'commit: does not call an instance stale whose version is the one that was read, or that was given none',
    capability: 'versions',
    mend: 'compute the version in page and commit by the same expression; compare only where one was given.',
    async check(host) {
      const tasks = [task({ city: 'old' }, { endedAt: at(1) })];
      const still = await host.insert({ running: true, tasks });
      const { version } = await host.readOne(still);
      if (version === undefined) notOffered('snapshots of running instances come without a version');
      const moved = await host.insert({ running: true });
      await host.fixture.addTask(moved, task({ city: 'new' }, { endedAt: at(2) }));

      const values = [fill('city', host.form('Oslo'))];
      const { result } = await host.write([
        { id: still, version, values },
        { id: moved, values },
      ]);

      expectEqual('the status', result.status, 'committed');
    },
  },
];

async function expectConflict(
  host: TestedRepository,
  id: InstanceId,
  expected: readonly { readonly id: string; readonly revision: number | null }[],
): Promise<void> {
  const [first] = expected;
  const runId = first?.id ?? '';
  const { result } = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
    expected,
    next: () =>
      expected.map((one) => host.record({ id: one.id, runId, revision: 99, content: { second: true } })),
  });
  expectEqual(`the status with ${JSON.stringify(expected)}`, result.status, 'conflict');
}

/** No values were written to the instance, and the run has these records. */
async function expectUnchanged(
  host: TestedRepository,
  id: InstanceId,
  runId: string,
  records: Parameters<TestedRepository['expectRecords']>[1],
): Promise<void> {
  await host.expectMetadata(id, {});
  await host.expectRecords(runId, records);
}

function staleIds(result: CommitResult): readonly InstanceId[] {
  return result.status === 'stale' ? sorted(result.instanceIds) : [];
}
