import { type JsonValue, previewBackfill, runBackfill, verifyBackfill } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { ODD_TEXTS } from '../../stores/odd-texts.js';
import { oneTable } from '../hosts/one-table.js';
import { ALL_WRITTEN, fill, useHost } from '../hosts/use-host.js';

const opened = useHost(oneTable);
const SILENT = { info() {}, warn() {}, error() {} };

/** An instance whose column has this text. `null`: the column is null. */
async function instanceWith(column: string | null): Promise<string> {
  const one = opened();
  const id = await one.insertOne({ city: 'Oslo' });
  await one.database.query('update instances set metadata = $2::text::jsonb where id = $1', [id, column]);
  return id;
}

async function columnOf(id: string): Promise<string | null> {
  const [row] = await opened().database.query<{ text: string | null }>(
    'select metadata::text as text from instances where id = $1',
    [id],
  );
  return row?.text ?? null;
}

/** Overwrites the member that a page shows. */
async function overwrite(id: string, key: string, value?: JsonValue) {
  const one = opened();
  const replaces = (await one.readOne(id, [key])).stored.get(key);
  if (replaces === undefined) throw new Error('expected a member');
  return one.commit([{ id, values: [{ key, ...(value !== undefined && { value }), replaces }] }]);
}

describe('values in members of a column', () => {
  test.each([null, 'null', '{}', '{"town": "Hamar"}', '{"city": null}'])(
    'are written where the column is %s, beside its other members',
    async (column) => {
      const id = await instanceWith(column);

      const { outcome } = await opened().commit([{ id, values: [fill('city', 'Bergen')] }]);

      expect(outcome).toEqual(ALL_WRITTEN);
      expect(await opened().metadata(id)).toEqual({ ...JSON.parse(column ?? 'null'), city: 'Bergen' });
    },
  );

  test.each(['["city"]', '[]', '"city"', '5', 'true'])(
    'are kept out of a column that is %s, and the rest of the batch is written',
    async (column) => {
      const [odd, other] = [await instanceWith(column), await instanceWith(null)];

      const { result, outcome } = await opened().commit(
        [odd, other].map((id) => ({ id, values: [fill('city', 'Bergen'), fill('town', null)] })),
      );

      expect(result).toEqual({ status: 'committed' });
      expect(outcome?.kept).toEqual([
        { id: odd, key: 'city' },
        { id: odd, key: 'town' },
      ]);
      expect(await columnOf(odd)).toBe(column);
      expect(await opened().metadata(other)).toEqual({ city: 'Bergen', town: null });
      expect([...(await opened().readOne(odd, ['city'])).stored]).toEqual([]);
    },
  );

  test('fail where the column holds an array or a string: in runs, verifications and previews', async () => {
    const one = opened();
    const whole = await instanceWith(null);
    for (const column of ['[]', '"x"']) await instanceWith(column);
    const { repository, processModelId } = one;
    const paths = [{ key: 'city', path: 'city' }];
    const failed = ['array', 'string'].map((type) =>
      expect.objectContaining({
        code: 'TASK_DATA_UNREADABLE',
        reason: `the metadata column holds a JSON ${type}, but must hold an object or null`,
      }),
    );

    for (const mode of ['fill', 'overwrite'] as const) {
      const report = await runBackfill({ repository, processModelId, paths, mode, logger: SILENT });
      expect(report).toMatchObject({ processed: 1, failed: 2 });
      expect(report.failures).toEqual(expect.arrayContaining(failed));
    }
    expect(await one.metadata(whole)).toEqual({ city: 'Oslo' });
    const verification = await verifyBackfill({ repository, processModelId, paths, logger: SILENT });
    expect(verification).toMatchObject({ verdict: 'unknown', failed: 2 });
    expect(verification.differences.city).toEqual({ absent: 0, different: 0, orphaned: 0 });
    const preview = await previewBackfill({ repository, processModelId, paths });
    expect(preview.keys.city).toMatchObject({ found: { count: 1 }, failed: { count: 2 } });
  });

  test.each([
    ['9007199254740993', { number: '9007199254740993' }],
    ['-3544790567247868102', { number: '-3544790567247868102' }],
    ['{"id": 9007199254740993}', { id: { number: '9007199254740993' } }],
    ['0.1234567890123456789', 0.123_456_789_012_345_68],
    ['1e21', 1e21],
    ['-0', 0],
    ['1.10', 1.1],
    ['1e2', 100],
  ])('that are the number %s are shown, overwritten and deleted', async (text, shown) => {
    const ids = [await instanceWith(`{"city": ${text}}`), await instanceWith(`{"city": ${text}}`)] as const;

    expect((await opened().readOne(ids[0], ['city'])).stored.get('city')?.value).toEqual(shown);
    expect((await overwrite(ids[0], 'city', 'Oslo')).outcome).toEqual(ALL_WRITTEN);
    expect((await overwrite(ids[1], 'city')).outcome).toEqual(ALL_WRITTEN);

    expect(await columnOf(ids[0])).toBe('{"city": "Oslo"}');
    expect(await columnOf(ids[1])).toBe('{}');
  });

  test('have keys of any text, also those that JavaScript or PostgreSQL take for something else', async () => {
    const keys = [...ODD_TEXTS, '0', '-1', '01', '', ' ', '{a,b}', '"', '\\', '\\u0041', 'constructor'];
    const id = await instanceWith(null);

    const filled = await opened().commit([{ id, values: keys.map((key) => fill(key, `of ${key}`)) }]);
    expect(filled.outcome).toEqual(ALL_WRITTEN);
    expect(filled.transactions).toBe(0);
    const { stored } = await opened().readOne(id, keys);
    expect(new Map([...stored].map(([key, { value }]) => [key, value]))).toEqual(
      new Map(keys.map((key) => [key, `of ${key}`])),
    );

    const values = [...stored].map(([key, replaces], index) =>
      index % 2 === 0 ? { key, replaces } : { key, value: `new ${key}`, replaces },
    );
    const replaced = await opened().commit([{ id, values }]);
    expect(replaced.outcome).toEqual(ALL_WRITTEN);
    expect(replaced.transactions).toBe(0);
    const left = [...stored.keys()].filter((_, index) => index % 2 === 1);
    const members = await opened().metadata(id);
    expect(Object.keys(members).sort()).toEqual(left.toSorted());
    for (const key of left) expect(Object.getOwnPropertyDescriptor(members, key)?.value).toBe(`new ${key}`);
  });

  test('of many instances are written in one statement, each to its own instance', async () => {
    const one = opened();
    const ids: string[] = [];
    for (let n = 0; n < 20; n += 1) ids.push(await instanceWith(null));

    const { outcome, statements, transactions } = await one.commit(
      ids.map((id, index) => ({ id, values: [fill('city', { number: index, list: [null] })] })),
    );

    expect({ outcome, statements, transactions }).toEqual({
      outcome: ALL_WRITTEN,
      statements: 1,
      transactions: 0,
    });
    for (const [index, id] of ids.entries())
      expect(await one.metadata(id)).toEqual({ city: { number: index, list: [null] } });
  });

  test('set the further columns, and leave the task data alone', async () => {
    const id = await instanceWith(null);

    await opened().commit([{ id, values: [fill('city', 'Bergen')] }]);

    const [row] = await opened().database.query<{ context: unknown; is_now: boolean }>(
      `select context, updated_at > now() - interval '1 minute' as is_now from instances where id = $1`,
      [id],
    );
    expect(row).toEqual({ context: { city: 'Oslo' }, is_now: true });
  });
});
