import type { Cursor, InstanceId, InstanceSnapshot } from '../../../ports/repository.js';
import { pageProblem } from '../../../run/calls/check-answers.js';
import { compareCursors } from '../../../run/context/compare-cursors.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered, ownError, sorted } from '../expectations.js';
import { pathsTo, type TestedRepository } from './tested-repository.js';

/** The order of cursors: no two are the same, and the library sorts them as the database does. */
export const cursorPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'compareCursors: sorts as the database does',
    capability: 'compareCursors',
    advice: 'return a negative number, 0 or a positive number, in the same order as `order by`.',
    async check(host) {
      const { repository } = host;
      if (repository.compareCursors === undefined) notOffered('the default order of cursors is used');
      await host.insertMany(12);
      const cursors = (await host.read()).map(({ cursor }) => cursor);

      const wrong = cursors.flatMap((a, i) =>
        cursors.flatMap((b, j) => {
          const order = Math.sign(repository.compareCursors?.(a, b) ?? Number.NaN);
          return order === Math.sign(i - j) ? [] : [{ a, b, order }];
        }),
      );
      expectEqual('pairs that compareCursors orders differently from the page', wrong, []);
    },
  },
  {
    name: 'surveyInstances: finds an instance with digits as text in its cursor where the library expects it',
    advice:
      "return numbers, pad the digits with zeros to one length, or offer `compareCursors`. By default the library compares texts: '10' < '9'. Drivers return 64-bit integers as text.",
    async check(host) {
      const { repository } = host;
      const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
      const [, id = ''] = await host.insertMany(2); // '1' is no number that tells the orders apart
      const cursor = await host.cursorOf(id);

      for (const after of cursorsOfOtherLength(cursor)) {
        const { total } = await host.survey({ instanceIds: [id], after }).catch(() => {
          notOffered(`surveyInstances refuses the cursor ${JSON.stringify(after)}`); // a time, perhaps
        });
        const what = `how many instances there are after ${JSON.stringify(after)} if one has the cursor ${JSON.stringify(cursor)}`;
        expectEqual(what, total, compare(after, cursor) < 0 ? 1 : 0);
      }
    },
  },
  {
    name: 'readInstances: loses none of the instances that were inserted at once',
    capability: 'instances inserted at once',
    advice:
      'let no two instances have one cursor. Instances of one transaction have one `now()`: add the id to the creation time, as a list, and compare `(created_at, id) > (…, …)`.',
    async check(host) {
      const ids = await host.insertTogether(5);
      const { upTo } = await host.survey();
      if (upTo === null) throw ownError('surveyInstances found nothing');
      const { processModelId, repository } = host;
      const compare = repository.compareCursors?.bind(repository) ?? compareCursors;
      const range = { processModelId, instanceIds: null, upTo, limit: 2, paths: pathsTo('city') };

      const walked: InstanceId[] = [];
      let after: Cursor | null = null;
      for (let pages = 0; pages < 3; pages += 1) {
        const query = { ...range, after };
        const page: readonly InstanceSnapshot[] = await host.read(query);
        walked.push(...page.map(({ id }) => id));
        expectEqual(`the problem with page ${pages + 1}`, pageProblem(page, query, compare), null);
        after = page.at(-1)?.cursor ?? upTo;
      }
      expectEqual('the ids of the walk', sorted(walked), sorted(ids));
    },
  },
];

/**
 * For each text of digits in a cursor, two cursors that text and number may order differently: one is a digit
 * shorter, one a digit longer. None for texts of a fixed length, which begin with a zero.
 */
function cursorsOfOtherLength(cursor: Cursor): Cursor[] {
  if (typeof cursor === 'number') return [];
  if (typeof cursor === 'string') return digitsOfOtherLength(cursor);
  return cursor.flatMap((member, index) =>
    typeof member === 'string' ? digitsOfOtherLength(member).map((digits) => cursor.with(index, digits)) : [],
  );
}

function digitsOfOtherLength(text: string): string[] {
  if (!/^[1-9]\d*$/.test(text)) return [];
  const shorter = '9'.repeat(text.length - 1);
  const longer = `1${'0'.repeat(text.length)}`;
  // The shorter one is no number if it is empty. The longer one has to fit into 64 bits.
  return [shorter, longer].filter(({ length }) => length > 0 && length <= MOST_DIGITS);
}

/** 2^63 has as many. */
const MOST_DIGITS = 19;
