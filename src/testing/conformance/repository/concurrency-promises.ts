import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { InstanceId, InstanceSnapshot, InstanceWrites } from '../../../ports/repository.js';
import { classifyError } from '../../../run/calls/classify-error.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, sorted } from '../expectations.js';
import { assertSeveralConnections } from './several-connections.js';
import {
  type Committed,
  fill,
  NEXT_REVISION,
  pathsTo,
  REVISION,
  type TestedRepository,
} from './tested-repository.js';

/** What commits do when others write at the same time. */
export const concurrencyPromises: readonly PromiseOf<TestedRepository>[] = withSeveralConnections([
  {
    name: 'commit: when several name one revision at once, exactly one succeeds, and only its values are written',
    advice:
      'lock the records of `expected` (`select … for update`) before you compare them. Or compare in the statement that updates them, and count its rows.',
    async check(host) {
      const record = host.record();
      await host.store(record);
      const ids = await host.insertMany(4);

      const statuses = await atOnce(host, ids, (id) =>
        host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
          expected: [{ id: record.id, revision: REVISION }],
          next: () => [{ ...record, revision: NEXT_REVISION, content: { winner: id } }],
        }),
      );

      expectEqual('the statuses', sorted(statuses), ONE_OF_FOUR);
      const winner = ids[statuses.indexOf('committed')] ?? '';
      await host.expectRecords(record.runId, [{ ...record, revision: NEXT_REVISION, content: { winner } }]);
      for (const id of ids) await host.expectMetadata(id, id === winner ? { city: 'Oslo' } : {});
    },
  },
  {
    name: 'commit: when several create one record at once, exactly one succeeds',
    advice:
      "put a primary key on the record id, and answer 'conflict' when it is violated. Do not use an upsert.",
    async check(host) {
      const record = host.record();

      const statuses = await atOnce(host, [1, 2, 3, 4], async (content) =>
        committed(await host.store({ ...record, content })),
      );

      expectEqual('the statuses', sorted(statuses), ONE_OF_FOUR);
      const content = statuses.indexOf('committed') + 1;
      await host.expectRecords(record.runId, [{ ...record, content }]);
    },
  },
  {
    name: 'commit: when several take one active key at once, exactly one succeeds',
    advice:
      "put a unique index on activeKey, and answer 'conflict' when it is violated. A check before the write comes too early.",
    async check(host) {
      const activeKey = `key ${host.newRunId()}`;

      const statuses = await atOnce(host, [1, 2, 3, 4], async () =>
        committed(await host.store(host.record({ activeKey }))),
      );

      expectEqual('the statuses', sorted(statuses), ONE_OF_FOUR);
    },
  },
  {
    name: 'commit: while live instances write, keeps all of their values, and none of their writes fails',
    advice:
      'decide and write in one statement. Or lock the instances first, in ascending order, as a live save does. No lock of a commit may make a live insert fail.',
    async check(host) {
      for (const mode of ['fill', 'overwrite']) {
        for (const lateMs of [0, 1, 2, 4, 8, 16]) {
          const ids = await host.insertMany(24);
          const old = [fill('city', host.form('old'))];
          if (mode === 'overwrite') await host.write(ids.map((id) => ({ id, values: old })));
          const page = (await host.read({ limit: 1000, paths: pathsTo('city') })).filter(({ id }) =>
            ids.includes(id),
          );

          // All of these writes come after the read. In whatever order they happen, the live value must remain.
          await host.setMetadata(ids[0] ?? '', 'city', 'live');
          await Promise.all([
            commitBatches(host, writesFor(host, page)),
            ...ids.slice(1).map(async (id, index) => {
              await setTimeout(lateMs + index / 8);
              await host.setMetadata(id, 'city', 'live');
            }),
          ]);

          const rows = await Promise.all(ids.map((id) => host.fixture.metadata(id)));
          const cities = rows.map(({ city }, index) => ({ id: ids[index], city }));
          const lost = cities.filter(({ city }) => !isDeepStrictEqual(city, host.form('live')));
          expectEqual(`instances whose live value was lost to a commit in mode ${mode}`, lost, []);
        }
      }
    },
  },
  {
    name: 'commit: while instances are deleted, writes the others, and leaves no rows of the deleted ones',
    advice:
      'lock the instances of the batch, in ascending order, before you check which of them exist. Keep the locks until the end.',
    async check(host) {
      for (const lateMs of [0, 1, 2, 4, 8, 16]) {
        const ids = await host.insertMany(24);
        const writes = ids.map((id) => ({ id, values: [fill('city', host.form('Oslo'))] }));
        const deleted = ids.filter((_, index) => index % 2 === 0);

        await host.fixture.deleteInstance(deleted[0] ?? '');
        const [gone] = await Promise.all([
          commitBatches(host, writes),
          ...deleted.slice(1).map(async (id, index) => {
            await setTimeout(lateMs + index / 8);
            await host.fixture.deleteInstance(id);
          }),
        ]);

        const wrong = gone.filter((id) => !deleted.includes(id));
        expectEqual('instances that were reported as gone but exist', wrong, []);
        // One that was only marked, after its commit, keeps its row.
        const bare = host.fixture.softDeletes === true ? [...gone, deleted[0]] : deleted;
        for (const id of ids) await host.expectMetadata(id, bare.includes(id) ? {} : { city: 'Oslo' });
      }
    },
  },
]);

/** With one connection nothing happens at the same time. Then these cases can fail, but cannot prove anything. */
function withSeveralConnections(
  promises: readonly PromiseOf<TestedRepository>[],
): readonly PromiseOf<TestedRepository>[] {
  return promises.map((promise) => ({
    ...promise,
    capability: 'several connections',
    async check(host) {
      await promise.check(host);
      await assertSeveralConnections(host);
    },
  }));
}

const BATCH = 12;
const ONE_OF_FOUR = ['committed', 'conflict', 'conflict', 'conflict'];

/** The statuses of commits that run at the same time. A transient error counts as a conflict: both refuse the commit. */
async function atOnce<Item>(
  { repository }: TestedRepository,
  items: readonly Item[],
  commit: (item: Item) => Promise<Committed>,
): Promise<string[]> {
  const settled = await Promise.allSettled(items.map(commit));
  return settled.map((one) => {
    if (one.status === 'fulfilled') return one.value.result.status;
    if (classifyError(repository, one.reason) === 'transient') return 'conflict';
    throw one.reason;
  });
}

function committed(result: Committed['result']): Committed {
  return { result, outcome: null };
}

function writesFor(host: TestedRepository, page: readonly InstanceSnapshot[]): InstanceWrites[] {
  const value = host.form('backfill');
  return page.map(({ id, stored }) => {
    const replaces = stored.get('city');
    return { id, values: [{ key: 'city', value, ...(replaces && { replaces }) }] };
  });
}

/** Commits in batches, and tries a batch again after a transient error, as a run does. Returns the ids reported as gone. */
async function commitBatches(
  host: TestedRepository,
  writes: readonly InstanceWrites[],
): Promise<readonly InstanceId[]> {
  const gone: InstanceId[] = [];
  for (let start = 0; start < writes.length; start += BATCH) {
    const batch = writes.slice(start, start + BATCH);
    const { result, outcome } = await host.write(batch);
    expectEqual('the status', result.status, 'committed');
    gone.push(...(outcome?.gone ?? []));
  }
  return gone;
}
