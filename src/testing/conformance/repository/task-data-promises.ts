import { compilePath } from '../../../extraction/extract-metadata.js';
import type { JsonValue } from '../../../extraction/json-value.js';
import type { InstanceId, PagePath, TaskData } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { ORDINARY_DOCUMENTS, type ReadDocument, TRAPS } from './read-documents.js';
import { at, pathsTo, pathsToFill, type TestedRepository, task } from './tested-repository.js';

/** Which task data a page shows, and in what shape it arrives. */
export const taskDataPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'readInstances: shows the data of the completed task with the greatest end time',
    mend: 'order the tasks by end time, descending, as a time or a number and not as text, and take the first.',
    async check(host) {
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
    name: 'readInstances: takes a task without an end time only where none has one',
    mend: 'order by `ended_at desc nulls last`, or by `ended_at is null, ended_at desc`.',
    async check(host) {
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
    name: 'readInstances: of tasks that ended at the same time, takes the one with the lower id',
    mend: 'add the id of the task, ascending, as the last thing to order by. (A fixture whose store numbers tasks itself inserts them in ascending order of `task.id`.)',
    async check(host) {
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
    name: 'readInstances: looks at completed tasks only',
    mend: "select tasks by `state = 'COMPLETED'`; that a task has ended does not say that it was completed.",
    async check(host) {
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
    name: 'readInstances: shows an instance without a completed task, with no data',
    mend: "join the newest task with `left join`, and answer `{ form: 'none' }` where there is none.",
    async check(host) {
      const bare = await host.insert();
      const waiting = await host.insert({
        tasks: [task({ city: 'ready' }, { state: 'READY', endedAt: null })],
      });

      for (const id of [bare, waiting]) await expectData(host, id, undefined);
    },
  },
  {
    name: 'readInstances: keeps the data of its instances apart',
    mend: 'join by the id of the instance; where documents are shared by a hash, join by the hash.',
    async check(host) {
      const cities = ['Oslo', 'Bergen', 'Oslo', 'Tromsø'];
      const ids = [];
      for (const city of cities)
        ids.push(await host.insert({ tasks: [task({ shared: 1 }), task({ city }, { endedAt: at(2) })] }));

      for (const [index, id] of ids.entries()) await expectData(host, id, cities[index]);
    },
  },
  {
    name: 'readInstances: lets every path read what was saved',
    mend: 'return the document as it was stored. A store that alters JSON (duplicate or reordered members are fine) must not be the source.',
    async check(host) {
      for (const document of ORDINARY_DOCUMENTS) await expectPaths(host, document);
    },
  },
  {
    name: 'readInstances: projects values exactly as `extractMetadata` would',
    capability: 'projected values',
    mend: "follow a path only through own members and canonical indices (PostgreSQL's `#>` takes -1 and '01' for indices, MySQL's `$[0]` takes a scalar for a list of one); a JSON null is null, a missing value is absent.",
    async check(host) {
      const id = await host.insert({ tasks: [task({ city: 'Oslo' })] });
      const { form } = (await host.readOne(id)).data;
      if (form !== 'values') notOffered(`pages show data as '${form}', and the library extracts`);
      for (const document of TRAPS) await expectPaths(host, document);
    },
  },
  {
    name: 'readInstances: leaves data out only where every key is to be filled and holds a value',
    mend: "answer `{ form: 'none' }` for an instance with a completed task only if each path has mode 'fill' and a row with a value other than null.",
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
    name: 'readInstances: with a document that is broken or lost, shows the others all the same',
    capability: 'broken task data',
    mend: "hand JSON over as text, `{ form: 'json', text }`, and a document that cannot be had as `{ form: 'unreadable', reason }`; parse nothing in the statement or in the driver.",
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

/** `undefined`: there is no data. */
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

function valueAt(
  data: TaskData,
  { key, segments }: Pick<PagePath, 'key' | 'segments'>,
): JsonValue | undefined {
  switch (data.form) {
    case 'none':
      return undefined;
    case 'values':
      return data.values.get(key);
    case 'parsed':
      return compilePath(segments)(data.value);
    case 'json':
      return compilePath(segments)(JSON.parse(data.text));
    case 'unreadable':
      throw new Error(`the task data is said to be unreadable: ${data.reason}`);
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

const CITY: PagePath = { key: 'city', segments: ['city'], mode: 'fill' };
