import type { JsonValue } from '../../../extraction/json-value.js';
import { classifyError } from '../../../run/calls/classify-error.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { fill, pathsTo, type TestedRepository, task } from './tested-repository.js';

const AS_PARAMETERS =
  'pass texts as parameters of statements. Do not put them into the SQL or into a path expression.';

/** Any text is data, whatever it looks like. */
export const textPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'metadata: accepts any text as a key',
    advice: AS_PARAMETERS,
    async check(host) {
      const keys = ODD.map((text) => cut(text, host.repository.maxKeyLength));
      const id = await host.insert({
        tasks: [task(Object.fromEntries(keys.map((text) => [text, 'found'])))],
      });
      await host.write([{ id, values: keys.map((key) => fill(key, host.form('Oslo'))) }]);

      await host.expectMetadata(id, Object.fromEntries(keys.map((key) => [key, 'Oslo'])));
      const { stored } = await host.readOne(id, { paths: pathsTo(...keys) });
      expectEqual('the keys of the rows that the page shows', [...stored.keys()].sort(), keys.toSorted());
      const values = [...stored].map(([key, row]) => ({ key, value: host.form('Bergen'), replaces: row }));
      await host.write([{ id, values }]);
      await host.expectMetadata(id, Object.fromEntries(keys.map((key) => [key, 'Bergen'])));
    },
  },
  {
    name: 'metadata: stores a key of `maxKeyLength` characters whole, whatever characters they are',
    capability: 'maxKeyLength',
    advice:
      'declare how many characters the column holds, counted in Unicode code points. A character may take four bytes, or two UTF-16 units.',
    async check(host) {
      const { maxKeyLength } = host.repository;
      if (maxKeyLength === undefined) notOffered('maxKeyLength is absent: keys have no limit');
      const id = await host.insert();
      const keys = ['x', '価', '🧾'].flatMap((character) => {
        const start = character.repeat(maxKeyLength - 1);
        return [`${start}${character}`, `${start}y`];
      });
      const { result } = await host.write([{ id, values: keys.map((key) => fill(key, host.form('Oslo'))) }]);

      expectEqual('the status', result.status, 'committed');
      await host.expectMetadata(id, Object.fromEntries(keys.map((key) => [key, 'Oslo'])));
      const { stored } = await host.readOne(id, { paths: pathsTo(...keys) });
      expectEqual('the keys of the rows that the page shows', [...stored.keys()].sort(), keys.toSorted());
    },
  },
  {
    name: 'metadata: distinguishes keys that differ only in case or accent',
    advice: 'give the key column a binary collation, or refuse such keys with an error that says so.',
    async check(host) {
      const id = await host.insert();
      await host.setMetadata(id, 'City', 'live');

      const keys = ['city', 'CITY', 'cíty'];
      const { stored } = await host.readOne(id, { paths: pathsTo(...keys) });
      expectEqual('the keys of the rows that the page shows', [...stored.keys()], []);
      await host.write([{ id, values: keys.map((key) => fill(key, host.form('Oslo'))) }]);
      await host.expectMetadata(id, { City: 'live', city: 'Oslo', CITY: 'Oslo', cíty: 'Oslo' });
    },
  },
  {
    name: 'metadata: accepts any text as a value, also an empty text',
    advice: AS_PARAMETERS,
    async check(host) {
      const id = await host.insert();
      const values = Object.fromEntries(['', ...ODD].map((text, index) => [`key ${index}`, text]));
      await host.write([
        { id, values: Object.entries(values).map(([key, text]) => fill(key, host.form(text))) },
      ]);

      await host.expectMetadata(id, values);
    },
  },
  {
    name: 'metadata: accepts a long value, whole or as `formatValue` shortens it',
    advice:
      'without `formatValue`, use a column without a size limit. With it, shorten to the number of characters that the column holds, do not split a surrogate pair, and set `truncated`.',
    async check(host) {
      const id = await host.insert();
      const longest = LONG.reduce((a, b) => (JSON.stringify(a).length > JSON.stringify(b).length ? a : b));
      const whole = host.repository.formatValue?.(longest);
      const values = Object.fromEntries(LONG.map((value, index) => [`key ${index}`, value]));
      const { result } = await host.write([
        { id, values: Object.entries(values).map(([key, value]) => fill(key, host.form(value))) },
      ]);

      expectEqual('the status', result.status, 'committed');
      await host.expectMetadata(id, values);
      if (whole === undefined) return;
      const isShorter = [...whole.text].length < JSON.stringify(longest).length - 2;
      expectEqual('`truncated` of a value that was shortened', whole.truncated, isShorter);
    },
  },
  {
    name: 'formatValue: returns the same text for the same value, and a text for every kind of value',
    capability: 'formatValue',
    advice:
      'return `{ text, truncated }`, computed from the value alone, as `formatMetadataValue` of this package does.',
    async check(host) {
      const { repository } = host;
      if (repository.formatValue === undefined) notOffered('values are stored as JSON');
      const kinds: JsonValue[] = [
        '',
        'text',
        0,
        -1.5,
        true,
        false,
        [],
        [null],
        {},
        { a: { b: 'c' } },
        ...ODD,
      ];

      const wrong = kinds.filter((value) => {
        const [first, second] = [repository.formatValue?.(value), repository.formatValue?.(value)];
        return (
          typeof first?.text !== 'string' || first.text !== second?.text || first.truncated === undefined
        );
      });
      expectEqual('values without a text, or with several', wrong, []);
    },
  },
  {
    name: 'metadata: stores a value with a NUL or half a surrogate pair unchanged, or refuses it as the fault of its instance',
    advice:
      "let `formatValue` throw. Or change nothing, and reject the commit with an error that counts as 'instance' (see `classifyError`). Never store a changed text.",
    async check(host) {
      for (const text of ['a\u0000b', 'half a \ud83d pair']) {
        const [odd, other] = [await host.insert(), await host.insert()];
        const form = formOrNull(host, text);
        if (form === null) continue;
        const values = [fill('city', form)];
        const [settled] = await Promise.allSettled([
          host.write([
            { id: other, values: [fill('city', host.form('Oslo'))] },
            { id: odd, values },
          ]),
        ]);

        if (settled.status === 'fulfilled') {
          await host.expectMetadata(odd, { city: text });
          await host.expectMetadata(other, { city: 'Oslo' });
        } else {
          const blame = classifyError(host.repository, settled.reason);
          const isBlamed = blame === 'instance' || blame === 'unknown';
          expectEqual(`whether its error (${settled.reason}) can be blamed on an instance`, isBlamed, true);
          for (const id of [odd, other]) await host.expectMetadata(id, {});
        }
      }
    },
  },
  {
    name: 'processModelId: accepts any text as the name of a model',
    advice: AS_PARAMETERS,
    async check(host) {
      for (const text of ODD) {
        const processModelId = `${[...text].slice(0, 150).join('')} ${host.newRunId()}`;
        const id = await host.insert({ processModelId });
        const record = host.record({ processModelId });

        const survey = await host.survey({ processModelId });
        expectEqual(`how many instances ${JSON.stringify(processModelId)} has`, survey.total, 1);
        const page = await host.read({ processModelId });
        expectEqual(
          'the ids of the page',
          page.map((snapshot) => snapshot.id),
          [id],
        );
        await host.store(record);
        await host.expectRecords(record.runId, [record]);
      }
    },
  },
  {
    name: 'instance ids: accepts any text as an id',
    capability: 'chosen ids',
    advice: AS_PARAMETERS,
    async check(host) {
      if (!host.fixture.takesIds) notOffered('the fixture does not take ids');
      const chosen = ODD.map((text) => `${[...text].slice(0, 150).join('')} ${host.newRunId()}`);
      const ids = [];
      for (const id of chosen) ids.push(await host.insert({ id }));
      expectEqual('the ids of the fixture', ids, chosen);

      const page = await host.read({ instanceIds: chosen });
      expectEqual('the ids of the page', page.map(({ id }) => id).sort(), chosen.toSorted());
      await host.fixture.deleteInstance(chosen[0] ?? '');
      const values = [fill('city', host.form('Oslo'))];
      const { outcome } = await host.write(chosen.map((id) => ({ id, values })));
      expectEqual('`gone`', outcome?.gone, chosen.slice(0, 1));
      for (const id of chosen.slice(1)) await host.expectMetadata(id, { city: 'Oslo' });
    },
  },
];

function formOrNull(host: TestedRepository, text: string): JsonValue {
  try {
    return host.form(text);
  } catch {
    return null;
  }
}

/** The first characters of a text, counted as `maxKeyLength` counts them. */
function cut(text: string, length?: number): string {
  return [...text].slice(0, length).join('');
}

/** Texts for keys, values, models and ids. */
const ODD: readonly string[] = [
  `it's "quoted" \\ and {braced}, (both) [0] a.b`,
  "'; drop table process_instance_metadata; --",
  'größe 価格 🧾',
  '__proto__',
  'constructor',
  'null',
  '$1 ? :name %s %',
  `${'x'.repeat(254)}🧾`,
];

const LONG: readonly JsonValue[] = [
  'x'.repeat(5000),
  '🧾'.repeat(500),
  `${'x'.repeat(252)}🧾🧾🧾🧾🧾`,
  Array.from({ length: 500 }, (_, index) => `article ${index}`),
];
