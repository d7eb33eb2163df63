import type { JsonValue } from '../../../extraction/json-value.js';
import type { InstanceId } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered, sorted } from '../expectations.js';
import { fill, pathsTo, pathsToFill, type TestedRepository } from './tested-repository.js';

/** Which metadata rows a page shows, and how. */
export const rowPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'readInstances: shows the rows of each instance under the keys of the page, and no others',
    advice: 'select the rows by instance and key. Leave a key without a row out of `stored`.',
    async check(host) {
      const [first, second, third] = [await host.insert(), await host.insert(), await host.insert()];
      for (const key of ['city', 'town', 'other']) await host.setMetadata(first, key, `first ${key}`);
      await host.setMetadata(second, 'town', 'second town');

      const page = await host.read({ paths: pathsTo('city', 'town') });
      const shown = (id: unknown) =>
        sorted(
          [...(page.find((row) => row.id === id)?.stored ?? [])].map(([key, { value }]) => [key, value]),
        );
      const rows = (...expected: [string, string][]) =>
        expected.map(([key, value]) => [key, host.form(value)]);
      expectEqual(
        'the rows of the first',
        shown(first),
        rows(['city', 'first city'], ['town', 'first town']),
      );
      expectEqual('the rows of the second', shown(second), rows(['town', 'second town']));
      expectEqual('the rows of the third', shown(third), []);
    },
  },
  {
    name: 'readInstances: shows which of the keys to fill have a value',
    advice:
      'show a row for each key that has one, and null for a null row. Any other value may stand for a value that is not null.',
    async check(host) {
      const [none, half, whole] = [await host.insert(), await host.insert(), await host.insert()];
      await host.setMetadata(half, 'town', '');
      for (const key of ['city', 'town']) await host.setMetadata(whole, key, 'Oslo');
      const storesNull = host.repository.storesNull !== false;
      if (storesNull) await host.fixture.setMetadata(half, 'city', null);

      const page = await host.read({ paths: pathsToFill('city', 'town') });
      const shown = (id: InstanceId) =>
        sorted(
          [...(page.find((row) => row.id === id)?.stored ?? [])].map(([key, { value }]) => [
            key,
            value !== null,
          ]),
        );
      expectEqual('the keys of one without rows', shown(none), []);
      expectEqual(
        'the keys of one without a value for `city`, and whether they have a value',
        shown(half),
        storesNull
          ? [
              ['city', false],
              ['town', true],
            ]
          : [['town', true]],
      );
      expectEqual('the keys of one with both values', shown(whole), [
        ['city', true],
        ['town', true],
      ]);
    },
  },
  {
    name: 'readInstances: shows a value in the form that commit was given',
    advice:
      'without `formatValue`, store JSON and return it parsed. With it, store its text and return that text.',
    async check(host) {
      const id = await host.insert();
      const values = Object.entries(VALUES).map(([key, value]) => fill(key, host.form(value)));
      await host.write([{ id, values }]);

      const { stored } = await host.readOne(id, { paths: pathsTo(...Object.keys(VALUES)) });
      const shown = Object.fromEntries([...stored].map(([key, { value }]) => [key, value]));
      expectEqual('the rows', shown, Object.fromEntries(values.map(({ key, value }) => [key, value])));
      await host.expectMetadata(id, VALUES);
    },
  },
  {
    name: 'readInstances: shows a null row as a row whose value is null',
    capability: 'null rows',
    advice: 'return `{ value: null }` for a row whose column is null, or declare `storesNull: false`.',
    async check(host) {
      if (host.repository.storesNull === false) notOffered('storesNull is false');
      const id = await host.insert();
      await host.fixture.setMetadata(id, 'city', null);

      const { value } = await host.readRow(id, 'city');
      expectEqual('the value of the null row', value, null);
    },
  },
  {
    name: 'readInstances: gives a row a token that changes with every write of the row, and only then',
    capability: 'tokens',
    advice:
      'make the token a version of the row (xmin, a counter, a timestamp with its id). A name or a hash of the value is not enough.',
    async check(host) {
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'Oslo');
      const { token } = await host.readRow(id, 'city');
      if (token === undefined) notOffered('stored rows come without a token, and are compared by value');

      expectEqual('the token when nothing has happened', (await host.readRow(id, 'city')).token, token);
      await host.setMetadata(id, 'city', 'Oslo');
      const rewritten = (await host.readRow(id, 'city')).token;
      expectEqual('whether it changes when the same value is written again', rewritten !== token, true);
      await host.fixture.deleteMetadata(id, 'city');
      await host.setMetadata(id, 'city', 'Oslo');
      const recreated = (await host.readRow(id, 'city')).token;
      expectEqual(
        'whether a row that is deleted and inserted again gets a token that it had before',
        [token, rewritten].includes(recreated),
        false,
      );
    },
  },
  {
    name: 'readInstances: says whether an instance is still running',
    capability: 'running instances',
    advice: 'set `running: true` for an instance whose status is not final, and for no other instance.',
    async check(host) {
      const [running, ended] = [await host.insert({ running: true }), await host.insert()];
      const snapshot = await host.readOne(running);
      if (snapshot.running === undefined) notOffered('snapshots do not say whether an instance is running');

      expectEqual('`running` of a running instance', snapshot.running, true);
      expectEqual(
        '`running` of an instance that has ended',
        (await host.readOne(ended)).running ?? false,
        false,
      );
    },
  },
];

/** Numbers that JavaScript and a database write differently, and strings of the same digits. */
const NUMBERS: Readonly<Record<string, JsonValue>> = {
  'many zeros': 1e21,
  'digits of many zeros': '1000000000000000000000',
  'more zeros': -1e23,
  largest: 1.79e308,
  'twenty digits': 12_345_678_901_234_567_000,
  'text of twenty digits': '12345678901234567890',
  'seventeen digits': 0.1 + 0.2,
  tiny: 1e-7,
};

const VALUES: Readonly<Record<string, JsonValue>> = {
  text: 'Łódź',
  empty: '',
  digits: '007',
  quoted: '"null"',
  whole: 42,
  zero: 0,
  fraction: -1.25,
  ...NUMBERS,
  nested: [{ numbers: Object.values(NUMBERS) }],
  yes: true,
  no: false,
  list: [1, 'two', [null]],
  object: { name: 'Oslo', postcode: null },
};
