import type { InstanceId, RunRecord, WriteOutcome } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual } from '../expectations.js';
import {
  fill,
  NEXT_REVISION,
  OTHER_REVISIONS,
  REVISION,
  type TestedRepository,
} from './tested-repository.js';

const ONE_TRANSACTION =
  'Run all statements of a commit in one transaction. Roll it back unless you answer `committed`.';

/** A commit happens whole or not at all. It is refused when the store is not as expected. */
export const commitPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: stores values and records together, whether the records are new or stored already',
    advice: 'store every record that `next` returns in the same transaction as the values.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();
      const created = [
        host.record({ id: runId, runId, activeKey: runId }),
        host.record({ id: `${runId}_0`, runId, content: { step: 0 } }),
      ];
      const write = async (key: string, revision: string | null, records: readonly RunRecord[]) => {
        const { result } = await host.write([{ id, values: [fill(key, host.form('Oslo'))] }], {
          expected: records.map((record) => ({ id: record.id, revision })),
          next: () => records,
        });
        expectEqual(`the status with the revision ${revision}`, result.status, 'committed');
        await host.expectRecords(runId, records);
      };

      await write('city', null, created);
      await host.expectMetadata(id, { city: 'Oslo' });
      const changes = { revision: NEXT_REVISION, activeKey: null, content: 'changed' };
      const changed = created.map((record) => ({ ...record, ...changes }));
      await write('town', REVISION, changed);
      await host.expectMetadata(id, { city: 'Oslo', town: 'Oslo' });
    },
  },
  {
    name: 'commit: stores new records beside a changed one, each under its own run id',
    advice:
      '`expected` may name stored records and, with `revision: null`, new ones. Insert and update in the same transaction, and store the `runId` of each record as it is given. A run stores what has failed in such records.',
    async check(host) {
      const id = await host.insert();
      const stored = host.record({ activeKey: `key ${host.newRunId()}` });
      await host.store(stored);
      const { created, expected, changed, runId } = withFailures(host, stored);

      const { result } = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
        expected,
        next: () => [changed, ...created],
      });

      expectEqual('the status', result.status, 'committed');
      await host.expectMetadata(id, { city: 'Oslo' });
      await host.expectRecords(stored.runId, [changed]);
      await host.expectRecords(runId, created);
      const filter = { processModelId: host.processModelId, activeKey: null, active: null };
      const found = await host.repository.findRuns({ ...filter, before: host.newRunId(), limit: 10 });
      expectEqual(
        'the runs of the model',
        found.map((record) => record.id),
        [stored.id],
      );
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when one of new records beside a changed one exists',
    advice: `compare all of \`expected\`, also those with \`revision: null\`. ${ONE_TRANSACTION}`,
    async check(host) {
      const stored = host.record();
      await host.store(stored);
      const { created, expected, changed, runId } = withFailures(host, stored);
      const existing = created.slice(1);
      await host.store(...existing);

      const { result } = await host.write([], { expected, next: () => [changed, ...created] });

      expectEqual('the status', result.status, 'conflict');
      await host.expectRecords(stored.runId, [stored]);
      await host.expectRecords(runId, existing);
    },
  },
  {
    name: 'commit: rejects and changes nothing when `next` throws',
    advice: `do not catch the error of \`next\`. ${ONE_TRANSACTION}`,
    async check(host) {
      const id = await host.insert();
      const record = host.record();
      await host.store(record);

      const committing = host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
        expected: [{ id: record.id, revision: REVISION }],
        next: () => {
          throw new Error('thrown by the conformance case');
        },
      });
      const [settled] = await Promise.allSettled([committing]);

      expectEqual('the outcome of the commit', settled.status, 'rejected');
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: tells `next` what really happened before the error of `next` ends it',
    advice:
      'call `next` when the values are written. If it is also called before, do not trust an error of that call. The library tries values out with a `next` that throws.',
    async check(host) {
      const [live, gone] = [await host.insert(), await host.insert()];
      await host.fixture.setMetadata(live, 'city', host.form('live'));
      await host.fixture.deleteInstance(gone);
      const record = host.record();
      await host.store(record);

      let told: WriteOutcome | null = null;
      const values = [fill('city', host.form('Oslo'))];
      const committing = host.write(
        [live, gone].map((id) => ({ id, values })),
        {
          expected: [{ id: record.id, revision: REVISION }],
          next(outcome) {
            const kept = outcome.kept.map(({ id, key }) => ({ id, key }));
            told = { gone: outcome.gone, kept, moved: outcome.moved };
            throw new Error('thrown by the conformance case');
          },
        },
      );
      await Promise.allSettled([committing]);

      expectEqual('the outcome that `next` got last', told, {
        gone: [gone],
        kept: [{ id: live, key: 'city' }],
        moved: [],
      });
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when a record has another revision',
    advice: `compare the revision of every record in \`expected\` under a lock, before anything else. ${ONE_TRANSACTION}`,
    async check(host) {
      const id = await host.insert();
      const record = host.record();
      await host.store(record);

      for (const revision of OTHER_REVISIONS) await expectConflict(host, id, [{ id: record.id, revision }]);
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when a record exists that must not exist',
    advice:
      '`revision: null` in `expected` means that there must be no such record. Insert it without `on conflict … update`.',
    async check(host) {
      const id = await host.insert();
      const record = host.record({ content: { first: true } });
      await host.store(record);

      await expectConflict(host, id, [{ id: record.id, revision: null }]);
      await expectUnchanged(host, id, record.runId, [record]);
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when a record does not exist that must exist',
    advice: 'a missing record has no revision. Do not insert it when a revision was expected.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();

      await expectConflict(host, id, [{ id: runId, revision: REVISION }]);
      await expectUnchanged(host, id, runId, []);
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when only one of several records has another revision',
    advice: 'compare all of `expected` before you write anything.',
    async check(host) {
      const id = await host.insert();
      const runId = host.newRunId();
      const records = [host.record({ id: runId, runId }), host.record({ id: `${runId}_0`, runId })];
      await host.store(...records);

      await expectConflict(host, id, [
        { id: runId, revision: REVISION },
        { id: `${runId}_0`, revision: NEXT_REVISION },
      ]);
      await expectUnchanged(host, id, runId, records);
    },
  },
  {
    name: 'commit: answers conflict and changes nothing when another record has the active key',
    advice: `make activeKey unique where it is not null, and answer 'conflict' when that is violated. ${ONE_TRANSACTION}`,
    async check(host) {
      const id = await host.insert();
      const first = host.record({ activeKey: `key ${host.newRunId()}` });
      const second = host.record();
      await host.store(first);
      await host.store(second);
      const values = [fill('city', host.form('Oslo'))];
      const { activeKey } = first;

      const newRun = host.record({ activeKey });
      const inserted = await host.write([{ id, values }], {
        expected: [{ id: newRun.id, revision: null }],
        next: () => [newRun],
      });
      const updated = await host.write([{ id, values }], {
        expected: [{ id: second.id, revision: REVISION }],
        next: () => [{ ...second, revision: NEXT_REVISION, activeKey }],
      });

      expectEqual('the status for a new record', inserted.result.status, 'conflict');
      expectEqual('the status for a stored record', updated.result.status, 'conflict');
      await expectUnchanged(host, id, newRun.runId, []);
      await host.expectRecords(second.runId, [second]);
      await host.expectRecords(first.runId, [first]);
    },
  },
  {
    name: 'commit: accepts an active key that has become free, and any number of records without one',
    advice: 'use a unique index over a column that may be null. Store null, not an empty text.',
    async check(host) {
      const activeKey = `key ${host.newRunId()}`;
      const [first, second] = [host.record({ activeKey }), host.record({ activeKey })];
      await host.store(first);
      const ended = { ...first, revision: NEXT_REVISION, activeKey: null };
      await host.write([], { expected: [{ id: first.id, revision: REVISION }], next: () => [ended] });

      expectEqual('the status for the free key', (await host.store(second)).status, 'committed');
      expectEqual('the status without a key', (await host.store(host.record())).status, 'committed');
      await host.expectRecords(first.runId, [ended]);
      await host.expectRecords(second.runId, [second]);
    },
  },
  {
    name: 'commit: distinguishes active keys that differ only in case',
    advice: 'give the activeKey column a binary collation. The keys are fingerprints.',
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
    name: 'commit: answers not-exhausted and changes nothing while an instance is left in the range',
    advice: `look for instances of the model with \`cursor > after and cursor <= upTo\` (and \`instanceIds\`) in the same transaction. ${ONE_TRANSACTION}`,
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
        await host.store(record);
        const { result } = await host.write([{ id: first, values: [fill('city', host.form('Oslo'))] }], {
          exhausted: { processModelId, ...range },
          expected: [{ id: record.id, revision: REVISION }],
          next: () => [{ ...record, revision: NEXT_REVISION }],
        });
        expectEqual('the status', result.status, 'not-exhausted');
        await expectUnchanged(host, first, record.runId, [record]);
      }
    },
  },
  {
    name: 'commit: accepts a range as exhausted if no selected instance is left in it',
    advice:
      'do not count the instance at `after`, or instances that are behind `upTo`, of other models, not in `instanceIds` or deleted.',
    async check(host) {
      const [first = '', second = ''] = await host.insertMany(2);
      const [one, two] = [await host.cursorOf(first), await host.cursorOf(second)];
      await host.insert({ processModelId: host.otherModel('/other') });
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
];

/** A commit that changes a record, and stores two new ones whose run id is derived from that of the record. */
function withFailures(host: TestedRepository, stored: RunRecord) {
  const runId = `${stored.runId}_f0_0`;
  const created = [0, 1].map((number) =>
    host.record({ id: `${runId}_${number}`, runId, content: { number, failures: ['no JSON'] } }),
  );
  const changed = { ...stored, revision: NEXT_REVISION };
  const expected = [
    { id: stored.id, revision: REVISION },
    ...created.map(({ id }) => ({ id, revision: null })),
  ];
  return { runId, created, changed, expected };
}

async function expectConflict(
  host: TestedRepository,
  id: InstanceId,
  expected: readonly { readonly id: string; readonly revision: string | null }[],
): Promise<void> {
  const [first] = expected;
  const runId = first?.id ?? '';
  const { result } = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
    expected,
    next: () =>
      expected.map((one) =>
        host.record({ id: one.id, runId, revision: NEXT_REVISION, content: { second: true } }),
      ),
  });
  expectEqual(`the status with ${JSON.stringify(expected)}`, result.status, 'conflict');
}

/** Expects that the instance has no values and the run has exactly these records. */
async function expectUnchanged(
  host: TestedRepository,
  id: InstanceId,
  runId: string,
  records: Parameters<TestedRepository['expectRecords']>[1],
): Promise<void> {
  await host.expectMetadata(id, {});
  await host.expectRecords(runId, records);
}
