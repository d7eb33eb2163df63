import type { Cursor, InstanceId, PageEntry } from '../../../ports/repository.js';
import { pageProblem, splitProblem } from '../../../run/calls/check-answers.js';
import { isFilled, snapshotsOf } from '../../../run/calls/page-entries.js';
import { compareCursors } from '../../../run/context/compare-cursors.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered, ownError, sorted } from '../expectations.js';
import { pathsTo, pathsToFill, type TestedRepository, task } from './tested-repository.js';

/** How a run walks over the instances of a model. */
export const walkPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'surveyInstances: counts the instances of the model and no others, and finds the last one',
    advice:
      'count the instances and take the greatest cursor over the same selection, `where process_model_id = …`.',
    async check(host) {
      const [, , last = ''] = await host.insertMany(3);
      await host.insert({ processModelId: host.otherModel('/other') });

      expectEqual('the survey', await host.survey(), { total: 3, upTo: await host.cursorOf(last) });
    },
  },
  {
    name: 'surveyInstances: counts from `after` on, without the instance at `after`',
    advice: 'select `cursor > after`, not `>=`.',
    async check(host) {
      const [first = '', last = ''] = await host.insertMany(2);
      const [after, upTo] = [await host.cursorOf(first), await host.cursorOf(last)];

      expectEqual('the survey after the first of two', await host.survey({ after }), { total: 1, upTo });
    },
  },
  {
    name: 'surveyInstances: counts no more than `limit`, and returns the cursor of the last instance that it counted',
    advice:
      'limit the selection before you count it: `select count(*), max(id) from (select id … order by id limit …)`.',
    async check(host) {
      const [, second = ''] = await host.insertMany(3);

      const expected = { total: 2, upTo: await host.cursorOf(second) };
      expectEqual('the survey with limit 2', await host.survey({ limit: 2 }), expected);
    },
  },
  {
    name: 'surveyInstances: counts only those of `instanceIds` that exist and are of the model',
    advice: 'add `and id in (instanceIds)` to the other conditions. An empty list selects nothing.',
    async check(host) {
      const [first = '', second = '', deleted = ''] = await host.insertMany(3);
      const other = await host.insert({ processModelId: host.otherModel('/other') });
      const upTo = await host.cursorOf(second);
      await host.fixture.deleteInstance(deleted);

      const chosen = [second, deleted, first, other];
      expectEqual('the survey', await host.survey({ instanceIds: chosen }), { total: 2, upTo });
      expectEqual('the survey of no ids', await host.survey({ instanceIds: [] }), { total: 0, upTo: null });
    },
  },
  {
    name: 'surveyInstances: answers 0 and null if there are no instances',
    advice: 'turn the aggregate over no rows into `{ total: 0, upTo: null }`. The total must be a number.',
    async check(host) {
      expectEqual('the survey of an unknown model', await host.survey(), { total: 0, upTo: null });
    },
  },
  {
    name: 'readInstances: in pages, returns all instances in creation order',
    advice:
      'order by the cursor in the statement itself, ascending, and page by `cursor > after`. Cursors are strings, finite numbers or lists of them, in the order of `compareCursors`.',
    async check(host) {
      const { repository, processModelId } = host;
      const inserted = await host.insertMany(12);
      for (const id of inserted.filter((_, index) => index % 2 === 1))
        await host.setMetadata(id, 'city', 'Oslo');
      const { upTo } = await host.survey();
      if (upTo === null) throw ownError('surveyInstances found nothing');
      const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
      const range = { processModelId, instanceIds: null, upTo, limit: 5 };

      for (const paths of [pathsTo('city'), pathsToFill('city')]) {
        const walked = [];
        for (let after = null, pages = 0; pages < 3; pages += 1) {
          const query = { ...range, after, paths };
          const problem = pageProblem(await host.readPage(query), query, compare);
          expectEqual(`the problem with page ${pages + 1}`, problem, null);
          const page = await host.read(query);
          walked.push(...page.map(({ id }) => id));
          // The record of a run stores the cursor as JSON.
          after = JSON.parse(JSON.stringify(page.at(-1)?.cursor ?? upTo));
        }
        expectEqual('the ids in the order of the walk', walked, inserted);
      }
    },
  },
  {
    name: 'readInstances: begins strictly after `after`, whether or not that instance still exists',
    advice:
      'select `cursor > after`, not `>=`. Compare with the cursor itself: do not look up its instance, which may have been deleted.',
    async check(host) {
      const [first = '', second] = await host.insertMany(2);
      const after = await host.cursorOf(first);

      expectEqual('the ids of the page', idsOf(await host.read({ after })), [second]);
      await host.fixture.deleteInstance(first);
      expectEqual('the ids behind a deleted instance', idsOf(await host.read({ after })), [second]);
    },
  },
  {
    name: 'readInstances: ends with the instance at `upTo`, inclusive',
    advice:
      'select `cursor <= upTo`. Instances behind it were created after the run began, and get their metadata from their live writers.',
    async check(host) {
      const [first, second = ''] = await host.insertMany(3);

      const page = await host.read({ upTo: await host.cursorOf(second) });
      expectEqual('the ids of the page', idsOf(page), sorted([first, second]));
    },
  },
  {
    name: 'readInstances: returns the first `limit` instances',
    advice: 'apply the limit to the ordered instances, before you join anything to them.',
    async check(host) {
      const ids = await host.insertMany(4);
      for (const id of ids) for (const key of ['city', 'town']) await host.setMetadata(id, key, 'Oslo');

      const page = await host.read({ limit: 3, paths: pathsToFill('city', 'town', 'country') });
      expectEqual('the ids of the page', idsOf(page), sorted(ids.slice(0, 3)));
    },
  },
  {
    name: 'readInstances: skips filled instances only, and counts each',
    capability: 'filled instances',
    advice:
      "skip an instance only if each path has mode 'fill' and a row whose value is not null. For filled instances in a row, return the cursor of the last one and their number.",
    async check(host) {
      const ids = await host.insertMany(9);
      const halfway = [ids[2], ids[6]];
      for (const id of ids) {
        if (id === ids[7]) continue;
        await host.setMetadata(id, 'city', 'Oslo');
        if (!halfway.includes(id)) await host.setMetadata(id, 'town', 'Hamar');
        else if (host.repository.storesNull !== false) await host.fixture.setMetadata(id, 'town', null);
      }
      const { upTo } = await host.survey();
      if (upTo === null) throw ownError('surveyInstances found nothing');
      const paths = pathsToFill('city', 'town');
      if (!(await host.readPage({ upTo, paths })).some(isFilled)) notOffered('pages show every instance');
      const compare = host.repository.compareCursors?.bind(host.repository) ?? compareCursors;
      const mixed = await host.readPage({ upTo, paths: [...pathsToFill('city'), ...pathsTo('town')] });
      expectEqual(
        'the instances skipped although one of two keys is to be overwritten',
        mixed.filter(isFilled),
        [],
      );

      for (const limit of [1, 2, 100]) {
        const walked: InstanceId[] = [];
        const shown: InstanceId[] = [];
        for (let after: Cursor | null = null; ; ) {
          const query = { processModelId: host.processModelId, instanceIds: null, after, upTo, limit, paths };
          const page: readonly PageEntry[] = await host.readPage(query);
          expectEqual('the problem with a page', pageProblem(page, query, compare), null);
          shown.push(...snapshotsOf(page).map(({ id }) => id));
          walked.push(...(await host.read(query)).map(({ id }) => id));
          after = page.at(-1)?.cursor ?? null;
          if (after === null) break;
        }
        expectEqual('the ids in the order of the walk', walked, ids);
        const skipped = new Set(ids.filter((id) => !shown.includes(id)));
        const wrong = [...halfway, ids[7]].filter((id) => skipped.has(id ?? ''));
        expectEqual('the instances skipped that are not filled', wrong, []);
      }
    },
  },
  {
    name: 'readInstances: leaves the instances of other models out',
    advice: 'compare the whole name of the model (`process_model_id = …`), without wildcards.',
    async check(host) {
      const id = await host.insert({ processModelId: host.otherModel('/a_b') });
      for (const other of ['a_b/c', 'a.b', 'a%', 'b']) {
        await host.insert({ processModelId: host.otherModel(`/${other}`) });
      }

      const page = await host.read({ processModelId: host.otherModel('/a_b') });
      expectEqual('the ids of the page', idsOf(page), [id]);
    },
  },
  {
    name: 'readInstances: returns only those of `instanceIds` that are of the model and in the range',
    advice: 'add `and id in (instanceIds)` to the other conditions.',
    async check(host) {
      const [first = '', second = '', third = ''] = await host.insertMany(4);
      const other = await host.insert({ processModelId: host.otherModel('/other') });
      const after = await host.cursorOf(first);

      const page = await host.read({ instanceIds: [third, other, first, second], after });
      expectEqual('the ids of the page', idsOf(page), sorted([second, third]));
    },
  },
  {
    name: 'readInstances: leaves out deleted instances',
    advice: 'select from the table of instances. Other tables may still have rows of a deleted instance.',
    async check(host) {
      const [first, second] = [
        await host.insert({ tasks: [task({ city: 'Oslo' })] }),
        await host.insert({ tasks: [task({ city: 'Bergen' })] }),
      ];
      await host.setMetadata(second, 'town', 'Hamar');
      const { upTo } = await host.survey();
      await host.fixture.deleteInstance(second);

      expectEqual('the ids of the page', idsOf(await host.read(upTo === null ? {} : { upTo })), [first]);
    },
  },
  {
    name: 'readInstances: puts an instance that was created later behind the bound of a run',
    advice:
      'use a cursor that grows with each new instance: an ascending id, or the creation time with the id.',
    async check(host) {
      const [first = ''] = await host.insertMany(1);
      const upTo = await host.cursorOf(first);
      await host.insertMany(3);

      expectEqual('the ids up to the old bound', idsOf(await host.read({ upTo })), [first]);
    },
  },
  {
    name: 'readInstances: ends when its signal is aborted, and leaves the repository usable',
    advice: 'reject with `signal.reason`, or answer as usual. Release the connection in both cases.',
    async check(host) {
      const id = await host.insert();
      const controller = new AbortController();
      const { upTo } = await host.survey();
      const query = upTo === null ? {} : { upTo };

      const reading = host.read({ ...query, signal: controller.signal });
      controller.abort(new Error('aborted by the conformance case'));
      const settled = await Promise.allSettled([
        reading,
        host.read({ ...query, signal: controller.signal }),
        host.survey({ signal: controller.signal }),
      ]);

      for (const answer of settled.slice(0, 2)) {
        const page =
          answer.status === 'fulfilled'
            ? (answer.value as typeof reading extends Promise<infer P> ? P : never)
            : null;
        if (page !== null)
          expectEqual('the ids of a page that was returned in spite of the abort', idsOf(page), [id]);
      }
      expectEqual('the ids of the next page', idsOf(await host.read(query)), [id]);
    },
  },
  {
    name: 'splitInstances: splits a range by ascending cursors inside it, fewer than `parts`',
    capability: 'splitInstances',
    advice:
      'return the last cursor of each part, except of the last part. Each is above `after`, below `upTo` and returned once. A range of one instance has none.',
    async check(host) {
      const { repository, processModelId } = host;
      if (repository.splitInstances === undefined)
        notOffered('the library splits ranges with surveyInstances');
      const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
      const { signal } = new AbortController();
      await host.insertMany(12);
      const cursors = (await host.read()).map(({ cursor }) => cursor).sort(compare);
      await host.insert({ processModelId: host.otherModel('/other') });

      const selection = { processModelId, instanceIds: null, signal };
      for (const [from, parts] of [
        [0, 4],
        [3, 2],
        [10, 5],
      ] as const) {
        const [after = null, total] = [cursors[from - 1], cursors.length - from];
        const range = { ...selection, after, upTo: cursors.at(-1) ?? '', total, parts };
        const bounds = await repository.splitInstances?.(range);
        const what = `the problem with ${total} instances in ${parts} parts`;
        expectEqual(what, splitProblem(bounds ?? [], range, compare), null);
        const isInside = (bounds ?? []).every((bound) => compare(after ?? bound, bound) <= 0);
        expectEqual('whether no bound is below the range', isInside, true);
      }
    },
  },
];

function idsOf(page: readonly { readonly id: string | number }[]): (string | number)[] {
  return sorted(page.map(({ id }) => id));
}
