import { setTimeout } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { InstanceId, InstanceSnapshot, InstanceWrites } from '../../../ports/repository.js';
import { classifyError } from '../../../run/calls/classify-error.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, sorted } from '../expectations.js';
import { type Committed, fill, pathsTo, type TestedRepository } from './tested-repository.js';

/** What holds when several write at the same time. */
export const meetingPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: of several at once over one revision, exactly one succeeds, with its values and no others',
    mend: 'lock the records of `expected` (`select … for update`) before comparing, or compare in the statement that updates them and count its rows.',
    async check(host) {
      const record = host.record();
      await host.store(record);
      const ids = await host.insertMany(4);

      const statuses = await atOnce(host, ids, (id) =>
        host.write([{ id, values: [fill('city', host.form('Oslo'))] }], {
          expected: [{ id: record.id, revision: 1 }],
          next: () => [{ ...record, revision: 2, content: { winner: id } }],
        }),
      );

      expectEqual('the statuses', sorted(statuses), ONE_OF_FOUR);
      const winner = ids[statuses.indexOf('committed')] ?? '';
      await host.expectRecords(record.runId, [{ ...record, revision: 2, content: { winner } }]);
      for (const id of ids) await host.expectMetadata(id, id === winner ? { city: 'Oslo' } : {});
    },
  },
  {
    name: 'commit: of several at once that create one record, exactly one succeeds',
    mend: "a primary key on the id of a record, whose violation is a 'conflict'; no upsert.",
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
    name: 'commit: of several at once that take one active key, exactly one succeeds',
    mend: "a unique index on activeKey, whose violation is a 'conflict'; a look beforehand is too early.",
    async check(host) {
      const activeKey = `key ${host.newRunId()}`;

      const statuses = await atOnce(host, [1, 2, 3, 4], async () =>
        committed(await host.store(host.record({ activeKey }))),
      );

      expectEqual('the statuses', sorted(statuses), ONE_OF_FOUR);
    },
  },
  {
    name: 'commit: beside live instances that write, keeps each of their values, and none of their writes fails',
    mend: 'decide and write in one statement, or lock the instances first (in ascending order) as a live save would; let nothing that a commit holds make a live insert fail.',
    async check(host) {
      for (const mode of ['fill', 'overwrite']) {
        for (const lateMs of [0, 1, 2, 4, 8, 16]) {
          const ids = await host.insertMany(24);
          const old = [fill('city', host.form('old'))];
          if (mode === 'overwrite') await host.write(ids.map((id) => ({ id, values: old })));
          const page = (await host.read({ limit: 1000, paths: pathsTo('city') })).filter(({ id }) =>
            ids.includes(id),
          );

          // All of this comes after the page was read: whoever is first, the live value is there in the end.
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
          expectEqual(`instances whose live value is lost after a commit that was to ${mode}`, lost, []);
        }
      }
    },
  },
  {
    name: 'commit: beside instances that are being deleted, writes the others, and leaves nothing of those that go',
    mend: 'lock the instances of the batch, in ascending order, before you look which of them are there, and keep the locks until the end.',
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

        const untrue = gone.filter((id) => !deleted.includes(id));
        expectEqual('instances that are called gone, but are there', untrue, []);
        for (const id of ids) await host.expectMetadata(id, deleted.includes(id) ? {} : { city: 'Oslo' });
      }
    },
  },
];

const BATCH = 12;
const ONE_OF_FOUR = ['committed', 'conflict', 'conflict', 'conflict'];

/** Refused is refused: whether by an answer or by an error after which one would try again. */
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

/** As a run does, and again where that may help; returns what was gone. */
async function commitBatches(
  host: TestedRepository,
  writes: readonly InstanceWrites[],
): Promise<readonly InstanceId[]> {
  const gone: InstanceId[] = [];
  for (let [start, failures] = [0, 0]; start < writes.length; ) {
    const [settled] = await Promise.allSettled([host.write(writes.slice(start, start + BATCH))]);
    if (settled.status === 'fulfilled') {
      expectEqual('the status', settled.value.result.status, 'committed');
      gone.push(...(settled.value.outcome?.gone ?? []));
      start += BATCH;
    } else {
      failures += 1;
      const mayPass = classifyError(host.repository, settled.reason) === 'transient' && failures < 50;
      if (!mayPass) throw settled.reason;
    }
  }
  return gone;
}
