import type { PagePath } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { bigIds } from './hosts/big-ids.js';
import { oneTable } from './hosts/one-table.js';
import { prefect } from './hosts/prefect.js';
import { useHost } from './hosts/use-host.js';

describe('a page over jsonb', () => {
  const opened = useHost(oneTable);

  test('finds nothing at segments that PostgreSQL takes for an index or cannot hold, and the value at others', async () => {
    const list = ['a', 'b'];
    const members = { '': 'empty', '-1': 'minus', '01': 'padded', ' 1': 'blank', '\u0001': 'control' };
    const id = await opened().insertOne({ list, members, city: 'Oslo' });
    const expected: readonly (readonly [segments: readonly string[], value: unknown])[] = [
      [['city'], 'Oslo'],
      [['list', '1'], 'b'],
      [['list', '-1'], undefined],
      [['list', '01'], undefined],
      [['list', '+1'], undefined],
      [['list', ' 1'], undefined],
      [['list', '1 '], undefined],
      [['list', '\u00a01'], undefined],
      [['list', ''], undefined],
      [['list', '2147483648'], undefined],
      [['list', '99999999999999999999'], undefined],
      [['members', ''], 'empty'],
      [['members', '-1'], 'minus'],
      [['members', '01'], 'padded'],
      [['members', ' 1'], 'blank'],
      [['members', '\u0001'], 'control'],
      [['members', '\u0000'], undefined],
      [['members', '\ud83d'], undefined],
      [['members', '"', '{', ',', 'null'], undefined],
    ];
    // Each alone, and with one that PostgreSQL reads.
    for (const [segments, value] of expected) {
      const odd: PagePath = { key: 'odd', segments, mode: 'overwrite' };
      const city: PagePath = { key: 'city', segments: ['city'], mode: 'overwrite' };
      for (const paths of [[odd], [city, odd]]) {
        const [snapshot] = await opened().read({ paths });
        if (snapshot?.data.form !== 'values') throw new Error('expected values');
        expect({ segments, value: snapshot.data.values.get('odd') }).toEqual({ segments, value });
        if (paths.length > 1) expect(snapshot.data.values.get('city')).toBe('Oslo');
      }
    }
    await opened().deleteInstance(id);
  });

  test('keeps every digit of an integer, and tells a JSON null from nothing', async () => {
    await opened().database.query(
      `insert into instances values (gen_random_uuid(), $1, now(), '{"big": 9007199254740993, "none": null}')`,
      [opened().processModelId],
    );
    const paths = ['big', 'none', 'missing'].map(
      (key): PagePath => ({ key, segments: [key], mode: 'overwrite' }),
    );

    const [snapshot] = await opened().read({ paths });

    expect(snapshot?.data).toEqual({
      form: 'values',
      values: new Map<string, unknown>([
        ['big', '9007199254740993'],
        ['none', null],
      ]),
      exact: true,
    });
  });

  test('takes null in the column for no completed task, and a JSON null for task data', async () => {
    const one = opened();
    const [bare, empty] = [await one.insertOne(undefined), await one.insertOne(null)];

    const page = new Map((await one.read()).map(({ id, data, version }) => [id, { data, version }]));

    expect(page.get(bare)).toEqual({ data: { form: 'none' }, version: '' });
    expect(page.get(empty)?.data).toEqual({ form: 'values', values: new Map(), exact: true });
    expect(page.get(empty)?.version).not.toBe('');
  });
});

describe.each([
  { host: bigIds, lose: 'update step set output = null' },
  { host: prefect, lose: 'delete from artifact' },
])('a page over the newest task of $host.title', ({ host, lose }) => {
  const opened = useHost(host);

  test('tells an instance without a task from one whose document is lost', async () => {
    const one = opened();
    const [bare, lost] = [await one.insertOne(undefined), await one.insertOne({ city: 'Oslo' })];
    await one.database.query(lose);

    const page = new Map((await one.read()).map(({ id, data }) => [id, data]));

    expect(page.get(bare)).toEqual({ form: 'none' });
    expect(page.get(lost)).toMatchObject({
      form: 'unreadable',
      reason: expect.stringContaining('there is no document'),
    });
  });
});
