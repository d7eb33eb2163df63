import type { InstanceWrites } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered, sorted } from '../expectations.js';
import { expectOutcome } from './expect-outcome.js';
import { type Committed, fill, pathsTo, pathsToFill, type TestedRepository } from './tested-repository.js';

const GUARD =
  'put the guard into the statement that writes, such as `insert … on conflict do update … where value is null`. The row may have changed since it was read.';

/** What a commit writes, and which values of other writers it keeps. */
export const writePromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: inserts values where there is no row',
    advice: 'insert one row per value.',
    async check(host) {
      const [first, second] = [await host.insert(), await host.insert()];

      const committed = await host.write([
        { id: first, values: [fill('city', host.form('Oslo')), fill('town', host.form('Hamar'))] },
        { id: second, values: [fill('city', host.form('Bergen'))] },
      ]);

      expectOutcome(committed, { kept: [] });
      await host.expectMetadata(first, { city: 'Oslo', town: 'Hamar' });
      await host.expectMetadata(second, { city: 'Bergen' });
    },
  },
  {
    name: 'commit: when it fills, keeps a value that appeared since the read, and reports it',
    advice: `${GUARD} Put (id, key) of each value that was not written into \`kept\`.`,
    async check(host) {
      const [first, second] = [await host.insert(), await host.insert()];
      await host.readOne(first);
      await host.setMetadata(first, 'city', 'live');

      const values = [fill('city', host.form('Oslo')), fill('town', host.form('Hamar'))];
      const committed = await host.write([first, second].map((id) => ({ id, values })));

      await host.expectMetadata(first, { city: 'live', town: 'Hamar' });
      await host.expectMetadata(second, { city: 'Oslo', town: 'Hamar' });
      expectOutcome(committed, { kept: [{ id: first, key: 'city' }] });
    },
  },
  {
    name: 'commit: when it fills, keeps values that look empty: an empty text, 0 and false',
    advice: 'replace only null. `coalesce`, `||` and tests for truth also replace other values.',
    async check(host) {
      const id = await host.insert();
      const falsy = { text: '', number: 0, boolean: false };
      for (const [key, value] of Object.entries(falsy)) await host.setMetadata(id, key, value);

      const committed = await host.write([
        { id, values: Object.keys(falsy).map((key) => fill(key, host.form('Oslo'))) },
      ]);

      await host.expectMetadata(id, falsy);
      expectOutcome(committed, { kept: Object.keys(falsy).map((key) => ({ id, key })) });
    },
  },
  {
    name: 'commit: replaces a null row by a value',
    capability: 'null rows',
    advice: 'update a row whose value is null (`… where value is null`), and do not report it as kept.',
    async check(host) {
      if (host.repository.storesNull === false) notOffered('storesNull is false');
      const id = await host.insert();
      await host.fixture.setMetadata(id, 'city', null);

      const committed = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }]);

      await host.expectMetadata(id, { city: 'Oslo' });
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: replaces a null row that a commit wrote, as one of the host',
    capability: 'null rows',
    advice:
      "store null as SQL `NULL`, also in a column of JSON: `'null'::jsonb` is not null to the database (`nullif(value, 'null')`). Otherwise the row counts as filled forever.",
    async check(host) {
      if (host.repository.storesNull === false) notOffered('storesNull is false');
      const id = await host.insert();
      await host.write([{ id, values: [fill('city', null)] }]);

      const { stored } = await host.readOne(id, { paths: pathsToFill('city') });
      expectEqual('what a page to fill shows in place of the null', stored.get('city')?.value ?? null, null);
      const committed = await host.write([{ id, values: [fill('city', host.form('Oslo'))] }]);

      await host.expectMetadata(id, { city: 'Oslo' });
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: writes null where there is no row, and never over a row',
    capability: 'null rows',
    advice:
      'insert the null row if there is no row. An update also needs the condition `excluded.value is not null`.',
    async check(host) {
      if (host.repository.storesNull === false) notOffered('storesNull is false');
      const id = await host.insert();
      await host.setMetadata(id, 'value', 'live');
      await host.fixture.setMetadata(id, 'null', null);

      const keys = ['absent', 'value', 'null'];
      const committed = await host.write([{ id, values: keys.map((key) => fill(key, null)) }]);

      await host.expectMetadata(id, { absent: null, value: 'live', null: null });
      const kept = [
        { id, key: 'null' },
        { id, key: 'value' },
      ];
      expectOutcome(committed, { kept });
    },
  },
  {
    name: 'commit: overwrites the row that was read',
    advice: 'update the row if it has the token in `replaces`. Without tokens, compare the value.',
    async check(host) {
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'old');

      const committed = await overwrite(host, id, 'Oslo');

      await host.expectMetadata(id, { city: 'Oslo' });
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: when it overwrites, keeps a value that was changed since the read, and reports it',
    advice: 'compare the row with `replaces` in the statement that updates it: `… where value = seen`.',
    async check(host) {
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'old');

      const committed = await overwrite(host, id, 'Oslo', () => host.setMetadata(id, 'city', 'live'));

      await host.expectMetadata(id, { city: 'live' });
      expectOutcome(committed, { kept: [{ id, key: 'city' }] });
    },
  },
  {
    name: 'commit: when it overwrites, keeps a row that was written again with the same value',
    capability: 'tokens',
    advice: 'compare `replaces.token` with the current version of the row, not only the values.',
    async check(host) {
      const [rewritten, recreated] = [await host.insert(), await host.insert()];
      for (const id of [rewritten, recreated]) await host.setMetadata(id, 'city', 'old');
      const { token } = await host.readRow(rewritten, 'city');
      if (token === undefined) notOffered('stored rows come without a token, and are compared by value');

      const committed = [
        await overwrite(host, rewritten, 'Oslo', () => host.setMetadata(rewritten, 'city', 'old')),
        await overwrite(host, recreated, 'Oslo', async () => {
          await host.fixture.deleteMetadata(recreated, 'city');
          await host.setMetadata(recreated, 'city', 'old');
        }),
      ];

      for (const [index, id] of [rewritten, recreated].entries()) {
        await host.expectMetadata(id, { city: 'old' });
        expectOutcome(committed[index], { kept: [{ id, key: 'city' }] });
      }
    },
  },
  {
    name: 'commit: when it overwrites, does not insert a row that was deleted since the read, and reports it',
    advice:
      'write a value with `replaces` by `update`, never by `insert` or an upsert. If no row was updated, report the value as kept.',
    async check(host) {
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'old');

      const committed = await overwrite(host, id, 'Oslo', () => host.fixture.deleteMetadata(id, 'city'));

      await host.expectMetadata(id, {});
      expectOutcome(committed, { kept: [{ id, key: 'city' }] });
    },
  },
  {
    name: 'commit: leaves other rows of the instance, and rows of other instances, unchanged',
    advice: 'name both the instance and the key in every statement that writes.',
    async check(host) {
      const [first, second] = [await host.insert(), await host.insert()];
      for (const id of [first, second]) {
        for (const key of ['city', 'town']) await host.setMetadata(id, key, 'old');
      }

      await overwrite(host, first, 'Oslo');

      await host.expectMetadata(first, { city: 'Oslo', town: 'old' });
      await host.expectMetadata(second, { city: 'old', town: 'old' });
    },
  },
  {
    name: 'commit: reports instances that were deleted since the read, with or without values for them',
    advice:
      'look up and lock every instance of the batch. Put missing instances into `gone`, and write nothing for them. A missing instance has not moved, whatever its `version`.',
    async check(host) {
      const [first, second, third] = [await host.insert(), await host.insert(), await host.insert()];
      for (const id of [first, third]) await host.fixture.deleteInstance(id);

      const values = [fill('city', host.form('Oslo'))];
      const committed = await host.write([
        { id: first, values, version: 'the version before the deletion' },
        { id: second, values },
        { id: third, values: [] },
      ]);

      expectOutcome(committed, { gone: sorted([first, third]), kept: [] });
      await host.expectMetadata(second, { city: 'Oslo' });
      const left = { ...(await host.fixture.metadata(first)) };
      expectEqual('the metadata of a deleted instance', left, {});
    },
  },
  {
    name: 'commit: writes all of a batch of 2,000 instances',
    advice:
      'send a batch as one parameter (a JSON text, arrays) or in portions. Databases limit the number of parameters.',
    async check(host) {
      const ids = await host.insertMany(2000);
      const values = [fill('city', host.form('Oslo')), fill('town', host.form('Hamar'))];

      const committed = await host.write(ids.map((id): InstanceWrites => ({ id, values })));

      expectOutcome(committed, { kept: [] });
      const paths = pathsTo(...values.map(({ key }) => key));
      const page = await host.read({ limit: 5000, paths });
      const filled = page.filter(({ stored }) => values.every(({ key }) => stored.has(key)));
      expectEqual('how many instances have both values', filled.length, ids.length);
    },
  },
];

/** Reads the row under `city`, waits for `live`, and commits `value` over the row that was read. */
async function overwrite(
  host: TestedRepository,
  id: string | number,
  value: string,
  live: () => Promise<unknown> = async () => {},
): Promise<Committed> {
  const replaces = await host.readRow(id, 'city');
  await live();
  return host.write([{ id, values: [{ key: 'city', value: host.form(value), replaces }] }]);
}
