import type { JsonValue } from '../../../extraction/json-value.js';
import type { InstanceId } from '../../../ports/repository.js';
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
      "do one of three: declare `storesAnyText: false`, let `formatValue` throw, or reject the whole commit with an error that counts as 'instance' (see `classifyError`). Never store a changed text.",
    async check(host) {
      if (host.repository.storesAnyText === false) return; // it gets no such text
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
    capability: 'model ids of any text',
    advice: AS_PARAMETERS,
    async check(host) {
      const names = storable(
        host,
        ODD.map((text) => `${cut(text, 150)} ${host.salt}`),
      );
      if (names.length === 0) notOffered('`processModelId` of the fixture makes other ids from all names');
      for (const processModelId of names) {
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
    name: 'processModelId: distinguishes models that differ only in case, accent or a trailing blank',
    capability: 'model ids that look alike',
    advice:
      'give the columns with ids of models a binary collation without padding (in MariaDB `utf8mb4_nopad_bin`), or compare bytes in each statement. Otherwise the instances of another model are filled.',
    async check(host) {
      const models = alike(host);
      const ids: InstanceId[] = [];
      for (const processModelId of models) ids.push(await host.insert({ processModelId }));

      for (const [index, processModelId] of models.entries()) {
        const what = (asked: string) => `${asked} of ${JSON.stringify(processModelId)}`;
        const all = { processModelId, after: null };
        const own = { total: 1, upTo: await host.cursorOf(ids[index] ?? '', all) };
        expectEqual(what('the survey'), await host.survey(all), own);
        expectEqual(what('the survey of all ids'), await host.survey({ ...all, instanceIds: ids }), own);
        for (const instanceIds of [null, ids]) {
          const page = await host.read({ ...all, instanceIds });
          expectEqual(
            what('the ids of the page'),
            page.map(({ id }) => id),
            [ids[index]],
          );
        }
      }
    },
  },
  {
    name: 'processModelId: takes no instance of a model that differs only in case, accent or a trailing blank for one left in a range',
    capability: 'model ids that look alike',
    advice: 'compare models in the same way as the page does, when you look for instances that are left.',
    async check(host) {
      const [processModelId = '', ...others] = alike(host);
      for (const other of others) await host.insert({ processModelId: other });
      const id = await host.insert({ processModelId });
      const upTo = await host.cursorOf(id, { processModelId });
      await host.fixture.deleteInstance(id);

      const exhausted = { processModelId, instanceIds: null, after: null, upTo };
      const { result } = await host.write([], { exhausted });
      expectEqual('the status', result.status, 'committed');
    },
  },
  {
    name: 'findRuns: distinguishes models that differ only in case, accent or a trailing blank',
    capability: 'model ids that look alike',
    advice:
      'give the column with the model of a run a binary collation without padding (in MariaDB `utf8mb4_nopad_bin`).',
    async check(host) {
      const models = alike(host);
      const runs = models.map((processModelId) => host.record({ processModelId }));
      for (const run of runs) await host.store(run);

      for (const [index, processModelId] of models.entries()) {
        const filter = { processModelId, activeKey: null, active: null, limit: 100 };
        const found = await host.repository.findRuns({ ...filter, before: host.newRunId() });
        expectEqual(
          `the runs of ${JSON.stringify(processModelId)}`,
          found.map(({ id }) => id),
          [runs[index]?.id],
        );
      }
    },
  },
  {
    name: 'instance ids: accepts any text as an id',
    capability: 'chosen ids',
    advice: AS_PARAMETERS,
    async check(host) {
      if (!host.fixture.takesIds) notOffered('the fixture does not take ids');
      const chosen = ODD.map((text) => `${cut(text, 150)} ${host.salt}`);
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

/** Those of the names that the host stores as they are. */
function storable(host: TestedRepository, names: readonly string[]): string[] {
  return names.filter((name) => host.modelId(name) === name);
}

/** Models that a collation may take for one. */
function alike(host: TestedRepository): string[] {
  const models = storable(
    host,
    ['Cafe', 'cafe', 'Café', 'Cafe '].map((ending) => `conformance/${host.salt} ${ending}`),
  );
  if (models.length < 2) notOffered('`processModelId` of the fixture makes other ids from such names');
  return models;
}

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
