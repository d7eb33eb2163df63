import type { PageQuery } from '../../../ports/repository.js';
import { compareCursors } from '../../../run/context/compare-cursors.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, ownError } from '../expectations.js';
import { pathsTo, pathsToFill, type TestedRepository } from './tested-repository.js';

/** What a page has after a similar one, for a repository that reads ahead or remembers pages. */
export const similarPagePromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'readInstances: answers each query by itself, also right behind a page of other ids, paths or models',
    advice:
      'if you read ahead or remember pages, look them up by everything in the query: `processModelId`, `instanceIds`, `after`, `upTo`, `limit` and all of `paths`.',
    async check(host) {
      const [first = '', second = ''] = await host.insertMany(2);
      const processModelId = host.otherModel('/other');
      const other = await host.insert({ processModelId });
      const [third = '', fourth = ''] = await host.insertMany(2);
      for (const id of [other, third, fourth]) {
        await host.setMetadata(id, 'city', `city of ${id}`);
        await host.setMetadata(id, 'town', `town of ${id}`);
      }
      const after = await host.cursorOf(second);
      const { upTo } = await host.survey();
      if (upTo === null) throw ownError('surveyInstances found nothing');

      const compare = host.repository.compareCursors?.bind(host.repository) ?? compareCursors;
      const cursorOfOther = await host.cursorOf(other, { processModelId });
      // Each model may have cursors of its own.
      const isBetween = compare(after, cursorOfOther) < 0 && compare(cursorOfOther, upTo) <= 0;

      const plain = { upTo, limit: 2, instanceIds: null, paths: pathsTo('city') };
      const chosen = { ...plain, instanceIds: [first, second, fourth] };
      const ofTown = { ...plain, paths: pathsTo('town') };
      const toFill = { ...plain, paths: pathsToFill('city') };
      const next = [
        { query: plain, ids: [third, fourth] },
        { query: chosen, ids: [fourth] },
        { query: ofTown, ids: [third, fourth] },
        { query: { ...plain, limit: 1 }, ids: [third] },
        ...(isBetween ? [{ query: { ...plain, processModelId }, ids: [other] }] : []),
      ];
      for (const before of [plain, chosen, ofTown, toFill]) {
        for (const { query, ids } of next) {
          await host.read(before);
          const page = await host.read({ ...query, after });
          const rows = page.map(({ id, stored }) => ({ id, row: stored.get(keyOf(query))?.value }));
          const expected = ids.map((id) => ({ id, row: host.form(`${keyOf(query)} of ${id}`) }));
          expectEqual(`the page of ${show(query)} behind one of ${show(before)}`, rows, expected);
        }
      }
    },
  },
];

type Query = Pick<PageQuery, 'instanceIds' | 'limit' | 'paths'> & Partial<Pick<PageQuery, 'processModelId'>>;

function keyOf({ paths }: Query): string {
  return paths[0]?.key ?? '';
}

/** What tells one query from another. */
function show({ processModelId, instanceIds, limit, paths }: Query): string {
  const modes = paths.map(({ key, mode }) => `${mode} ${key}`);
  return JSON.stringify({ processModelId, instanceIds, limit, paths: modes });
}
