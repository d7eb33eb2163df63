import { type InstanceId, previewBackfill, runBackfill, verifyBackfill } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { bigIds } from './hosts/big-ids.js';
import type { Host } from './hosts/host.js';
import { n8n } from './hosts/n8n.js';
import { oddNames } from './hosts/odd-names.js';
import { oneTable } from './hosts/one-table.js';
import { prefect } from './hosts/prefect.js';
import { textIds } from './hosts/text-ids.js';
import { fill, useHost } from './hosts/use-host.js';

const REFUSED = [
  { what: 'a NUL', text: 'Os\u0000lo', code: '22P05' },
  { what: 'the first half of a surrogate pair', text: 'Os\ud83dlo', code: '22P02' },
  { what: 'the second half of a surrogate pair', text: 'Os\udc00lo', code: '22P02' },
];
const REASON = 'the value contains a NUL or half of a surrogate pair, which the metadata column cannot store';

describe.each([n8n, oddNames, bigIds, oneTable, prefect] as readonly Host[])('on $title', (host) => {
  const opened = useHost(host);

  test.each(REFUSED)('a batch with $what is refused with $code, and changes nothing', async (refused) => {
    const one = opened();
    const [odd, other] = [await one.insertOne({}), await one.insertOne({})];

    const committing = one.commit([
      { id: other, values: [fill('city', 'Oslo')] },
      { id: odd, values: [fill('city', refused.text)] },
    ]);

    await expect(committing).rejects.toMatchObject({ code: refused.code });
    for (const id of [odd, other]) expect(await one.metadata(id)).toEqual({});
  });

  test.each(REFUSED)('so is one that overwrites by $what', async ({ text, code }) => {
    const one = opened();
    const id = await one.insertOne({});
    await one.setMetadata(id, 'city', 'Oslo');
    const replaces = (await one.readOne(id, ['city'])).stored.get('city');
    if (replaces === undefined) throw new Error('expected a value');

    const committing = one.commit([{ id, values: [{ key: 'city', value: text, replaces }] }]);

    await expect(committing).rejects.toMatchObject({ code });
    expect(await one.metadata(id)).toEqual({ city: 'Oslo' });
  });
});

describe.each([n8n, oddNames, prefect] as readonly Host[])('a run on $title', (host) => {
  const opened = useHost(host);

  test('fails only the instances whose values are refused, and writes their other values', async () => {
    const one = opened();
    const ids: InstanceId[] = [];
    for (const { text } of REFUSED) {
      ids.push(await one.insertOne({ city: text, street: 'Storgata' }));
      ids.push(await one.insertOne({ city: 'Oslo', street: 'Storgata' }));
    }

    const { repository, processModelId } = one;
    const paths = ['city', 'street'].map((key) => ({ key, path: key }));
    const options = { repository, processModelId, paths, logger: { info() {}, warn() {}, error() {} } };
    const preview = await previewBackfill({ repository, processModelId, paths });
    const report = await runBackfill(options);

    expect(report).toMatchObject({
      state: 'completed_with_failures',
      processed: 3,
      updated: 6,
      failed: 3,
    });
    expect(preview.keys.city).toMatchObject({ failed: { count: 3 }, wouldFill: { count: 3 } });
    expect((await verifyBackfill(options)).failures).toEqual(report.failures);
    for (const failure of report.failures)
      expect(failure).toMatchObject({ key: 'city', code: 'WRITE_REJECTED', reason: REASON });
    expect(report.failures.map(({ instanceId }) => instanceId).sort()).toEqual(
      ids.filter((_, index) => index % 2 === 0).sort(),
    );
    for (const [index, id] of ids.entries())
      expect(await one.metadata(id)).toEqual({
        ...(index % 2 === 1 && { city: 'Oslo' }),
        street: 'Storgata',
      });
  });
});

describe(`a column of the type json, on ${textIds.title}`, () => {
  const opened = useHost(textIds);

  test.each(REFUSED)('takes $what', async ({ text }) => {
    const one = opened();
    const id = await one.insertOne({ city: text, lines: [{ [text]: 1 }] });
    const { repository, processModelId } = one;
    const paths = ['city', 'lines'].map((key) => ({ key, path: key }));

    const report = await runBackfill({ repository, processModelId, paths });

    expect(report).toMatchObject({ state: 'completed', failed: 0 });
    expect(await one.metadata(id)).toEqual({ city: text, lines: [{ [text]: 1 }] });
  });
});
