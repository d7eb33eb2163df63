import { compilePath } from '../../../extraction/extract-metadata.js';
import type { JsonValue } from '../../../extraction/json-value.js';
import type { InstanceId, PagePath, TaskData } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { ORDINARY_DOCUMENTS, type ReadDocument, TRAPS } from './read-documents.js';
import { at, pathsTo, pathsToFill, type TestedRepository, task } from './tested-repository.js';
import { valueAt } from './value-at.js';

/** Which task data a page shows, and in what form. */
export const taskDataPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'readInstances: shows the data of the completed task with the greatest end time',
    capability: 'several tasks',
    advice:
      'order the tasks by end time, descending, and take the first. Compare end times as times or numbers, not as text.',
    async check(host) {
      assertSeveralTasks(host);
      const before = task({ city: 'before' }, { endedAt: at(1) });
      const id = await host.insert({
        tasks: [
          task({ city: 'second' }, { endedAt: at(999_999_999) }),
          task({ city: 'newest' }, { endedAt: at(1_000_000_000) }),
          before,
        ],
      });
      await expectData(host, id, 'newest');
    },
  },
  {
    name: 'readInstances: uses a task without an end time only if no task has one',
    capability: 'several tasks',
    advice: 'order by `ended_at desc nulls last`, or by `ended_at is null, ended_at desc`.',
    async check(host) {
      assertSeveralTasks(host);
      const timed = await host.insert({
        tasks: [task({ city: 'without' }, { endedAt: null }), task({ city: 'with' }, { endedAt: at(1) })],
      });
      await host.insert({ tasks: [] });
      const endless = await host.insert({ tasks: [task({ city: 'without' }, { endedAt: null })] });

      await expectData(host, timed, 'with');
      await expectData(host, endless, 'without');
    },
  },
  {
    name: 'readInstances: of tasks that ended at the same time, shows the one with the lowest id',
    capability: 'several tasks',
    advice:
      'order by the task id, ascending, last. (If the store numbers tasks itself, the fixture must insert them in ascending order of `task.id`.)',
    async check(host) {
      assertSeveralTasks(host);
      for (const endedAt of [at(10), null]) {
        const [lower, middle, upper] = [
          task({ city: 'lower' }, { endedAt }),
          task({ city: 'middle' }, { endedAt }),
          task({ city: 'upper' }, { endedAt }),
        ];
        const id = await host.insert({ tasks: [middle, lower, upper] });
        await expectData(host, id, 'lower');
      }
    },
  },
  {
    name: 'readInstances: uses only completed tasks',
    capability: 'several tasks',
    advice: "select tasks by `state = 'COMPLETED'`. A task can end without being completed.",
    async check(host) {
      assertSeveralTasks(host);
      const id = await host.insert({
        running: true,
        tasks: [
          task({ city: 'completed' }, { endedAt: at(10) }),
          task({ city: 'cancelled' }, { endedAt: at(20), state: 'CANCELLED' }),
          task({ city: 'ready' }, { endedAt: null, state: 'READY' }),
        ],
      });
      await expectData(host, id, 'completed');
    },
  },
  {
    name: 'readInstances: shows an instance without a completed task, and no data for it',
    advice: "join the newest task with `left join`, and answer `{ form: 'none' }` if there is none.",
    async check(host) {
      const bare = await host.insert();
      const waiting = await host.insert({
        tasks: [task({ city: 'ready' }, { state: 'READY', endedAt: null })],
      });

      for (const id of [bare, waiting]) await expectData(host, id, undefined);
    },
  },
  {
    name: 'readInstances: gives each instance its own data',
    advice: 'join by the id of the instance. If documents are shared by a hash, join by the hash.',
    async check(host) {
      const cities = ['Oslo', 'Bergen', 'Oslo', 'Tromsø'];
      const ids = [];
      for (const city of cities)
        ids.push(await host.insert({ tasks: [task({ shared: 1 }), task({ city }, { endedAt: at(2) })] }));

      for (const [index, id] of ids.entries()) await expectData(host, id, cities[index]);
    },
  },
  {
    name: 'readInstances: lets every path find the value that was saved',
    advice:
      'return the document as it was stored. Do not read from a store that changes JSON values. (It may reorder members and drop duplicates.)',
    async check(host) {
      for (const document of ORDINARY_DOCUMENTS) await expectPaths(host, document);
    },
  },
  {
    name: 'readInstances: projects values exactly as `extractMetadata` does',
    capability: 'projected values',
    advice:
      "follow a path only through own members and canonical indices. (PostgreSQL's `#>` takes -1 and '01' as indices, MySQL's `$[0]` takes a scalar as a list of one.) Return null for a JSON null, and leave out a missing value.",
    async check(host) {
      const id = await host.insert({ tasks: [task({ city: 'Oslo' })] });
      const { form } = (await host.readOne(id)).data;
      if (form !== 'values') notOffered(`pages show data as '${form}', and the library extracts the values`);
      for (const document of TRAPS) await expectPaths(host, document);
    },
  },
  {
    name: 'readInstances: reads a former path under the key that the page gives it',
    advice:
      'return the value at each path under its `key`, also under one with a control character. No row has such a key, so it is never filled.',
    async check(host) {
      const id = await host.insert({ tasks: [task({ city: 'Oslo', town: 'Hamar' })] });
      await host.setMetadata(id, 'city', 'old');
      const former: PagePath = { key: 'city\u00010', segments: ['town'], mode: 'overwrite' };

      const { data, stored } = await host.readOne(id, { paths: [...pathsTo('city'), former] });
      const read = { path: valueAt(data, CITY), former: valueAt(data, former) };
      expectEqual('what is read at both paths', read, { path: 'Oslo', former: 'Hamar' });
      expectEqual('the keys of the rows that the page shows', [...stored.keys()], ['city']);
    },
  },
  {
    name: 'readInstances: reads the whole document at a path without segments',
    advice:
      "return the document as it is under the key of a path whose `segments` are empty. (PostgreSQL: `data #> '{}'`. MySQL: the path `$`.)",
    async check(host) {
      const whole: PagePath = { key: 'document', segments: [], mode: 'overwrite' };
      for (const document of [{ city: 'Oslo', lines: [{ article: 'pump' }, null] }, ['list'], 'text']) {
        const id = await host.insert({ tasks: [task(document)] });
        const { data } = await host.readOne(id, { paths: [whole] });
        expectEqual('the whole document', valueAt(data, whole), document);
      }
    },
  },
  {
    name: 'readInstances: gives `bytes` that fit the size of the data',
    capability: 'bytes',
    advice:
      'give roughly the memory that `data` takes, such as the length of its text. It may be half or several times of that. Or leave `bytes` out.',
    async check(host) {
      const small = await host.insert({ tasks: [task({ city: 'Oslo' })] });
      const large = await host.insert({ tasks: [task({ city: 'x'.repeat(LARGE) })] });
      const snapshots = [await host.readOne(small), await host.readOne(large)];
      const [ofSmall, ofLarge] = snapshots.map(({ bytes }) => bytes);
      if (ofSmall === undefined && ofLarge === undefined) notOffered('snapshots come without `bytes`');

      const isBetween = (bytes: number, from: number, to: number) => from <= bytes && bytes <= to;
      expectEqual(
        `whether ${ofSmall} bytes fit a document of some bytes`,
        ofSmall === undefined || isBetween(ofSmall, 0, 10_000),
        true,
      );
      expectEqual(
        `whether ${ofLarge} bytes fit a document of ${LARGE} characters`,
        ofLarge === undefined || isBetween(ofLarge, LARGE / 4, LARGE * 10),
        true,
      );
    },
  },
  {
    name: 'readInstances: leaves data out only if every key is to be filled and has a value',
    advice:
      "answer `{ form: 'none' }` for an instance with a completed task only if each path has mode 'fill' and a row whose value is not null.",
    async check(host) {
      const paths = pathsToFill('city', 'town');
      const tasks = [task({ city: 'Oslo', town: 'Hamar' })];
      const [half, whole] = [
        await host.insert({ tasks }),
        await host.insert({ tasks: [task(tasks[0]?.data ?? null)] }),
      ];
      await host.setMetadata(half, 'city', 'Oslo');
      for (const key of ['city', 'town']) await host.setMetadata(whole, key, 'Oslo');

      const shown = async (id: InstanceId, query: PagePath[]) =>
        valueAt((await host.readOne(id, { paths: query })).data, query[0] ?? CITY);
      expectEqual('`town` where only `city` has a value', await shown(half, paths.slice(1)), 'Hamar');
      expectEqual('`town` where it is one of two keys', await shown(half, paths.toReversed()), 'Hamar');
      expectEqual('`city` when it is to be overwritten', await shown(whole, pathsTo('city', 'town')), 'Oslo');
      if (host.repository.storesNull === false) return;
      const empty = await host.insert({ tasks: [task({ city: 'Oslo' })] });
      await host.fixture.setMetadata(empty, 'city', null);
      expectEqual('`city` where it has a null row', await shown(empty, paths.slice(0, 1)), 'Oslo');
    },
  },
  {
    name: 'readInstances: shows the other instances when a document is broken or lost',
    capability: 'broken task data',
    advice:
      "return JSON as text, `{ form: 'json', text }`, and a document that cannot be read as `{ form: 'unreadable', reason }`. Do not parse JSON in the statement or in the driver.",
    async check(host) {
      if (host.fixture.breakTaskData === undefined) notOffered('the fixture has no breakTaskData');
      const [before, broken, after] = [
        await host.insert({ tasks: [task({ city: 'before' })] }),
        await host.insert({ tasks: [task({ city: 'broken' })] }),
        await host.insert({ tasks: [task({ city: 'after' })] }),
      ];
      await host.fixture.breakTaskData?.(broken);

      await expectData(host, before, 'before');
      await expectData(host, after, 'after');
      const { data } = await host.readOne(broken);
      expectEqual('whether the broken document can be read', isReadable(data), false);
    },
  },
];

function assertSeveralTasks({ fixture }: TestedRepository): void {
  if (fixture.oneDocument === true) notOffered('an instance has one document, whatever its tasks');
}

/** `undefined` means that there is no data. */
async function expectData(host: TestedRepository, id: InstanceId, city: JsonValue | undefined) {
  const { data } = await host.readOne(id, { paths: [CITY] });
  expectEqual('`city` in the task data of the instance', valueAt(data, CITY), city);
}

async function expectPaths(host: TestedRepository, { document, paths: names }: ReadDocument) {
  const id = await host.insert({ tasks: [task(document)] });
  const paths = names.map((name): PagePath => ({ key: name, segments: name.split('/'), mode: 'fill' }));
  const { data } = await host.readOne(id, { paths });
  for (const path of paths) {
    const what = `what is read at ${JSON.stringify(path.segments)}`;
    expectEqual(what, valueAt(data, path), compilePath(path.segments)(document));
  }
}

function isReadable(data: TaskData): boolean {
  try {
    valueAt(data, CITY);
    return true;
  } catch {
    return false;
  }
}

const LARGE = 300_000;
const CITY: PagePath = { key: 'city', segments: ['city'], mode: 'fill' };
