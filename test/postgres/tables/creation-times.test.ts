import { randomUUID } from 'node:crypto';
import { type Cursor, runBackfill } from 'process-metadata-backfill';
import { describe, expect, test } from 'vitest';
import { oddNames } from '../hosts/odd-names.js';
import { oneTable } from '../hosts/one-table.js';
import { useHost } from '../hosts/use-host.js';

const { signal } = new AbortController();

describe('instances that are walked by a timestamptz', () => {
  const opened = useHost(oneTable);

  /** @returns the ids, in the order of the times. */
  async function insertAt(times: readonly string[]): Promise<string[]> {
    const ids = times.map(() => randomUUID());
    for (const [index, time] of times.entries())
      await opened().database.query(
        'insert into instances (id, model, created_at, context) values ($1, $2, $3::text::timestamptz, $4)',
        [ids[index], opened().processModelId, time, JSON.stringify({ city: 'Oslo' })],
      );
    return ids;
  }

  async function walk(limit: number): Promise<{ readonly ids: string[]; readonly cursors: Cursor[] }> {
    const { repository, processModelId } = opened();
    const all = { processModelId, instanceIds: null, signal };
    const { upTo } = await repository.surveyInstances({ ...all, after: null, limit: null });
    const walked = { ids: [] as string[], cursors: [] as Cursor[] };
    for (let after: Cursor | null = null; upTo !== null; ) {
      const paths = [{ key: 'city', segments: ['city'], mode: 'overwrite' as const }];
      const page = await repository.readInstances({ ...all, after, upTo, limit, paths });
      for (const entry of page) if (!('filled' in entry)) walked.ids.push(entry.id);
      walked.cursors.push(...page.map(({ cursor }) => cursor));
      after = page.at(-1)?.cursor ?? null;
      if (after === null) break;
    }
    return walked;
  }

  const TIMES = [
    '-infinity',
    '0001-01-01T00:00:00Z',
    '0900-01-01T00:00:00Z',
    '1969-12-31T23:59:59.999999Z',
    '2024-03-31T01:59:59.999999+01:00',
    '2024-03-31T01:00:00.000001Z',
    '2024-03-31T01:00:00.000002Z',
    '2024-10-27T02:30:00+02:00',
    '2024-10-27T02:30:00+01:00',
    '9999-12-31T23:59:59.999999Z',
    'infinity',
  ];

  test.each(['UTC', 'Europe/Oslo', 'America/St_Johns'])(
    'come in the order of their times, to the microsecond, in the time zone %s',
    async (zone) => {
      await opened().database.query(`set time zone '${zone}'`);
      const ids = await insertAt(TIMES.toReversed());

      for (const limit of [1, 3, 100]) {
        const walked = await walk(limit);
        expect(walked.ids).toEqual(ids.toReversed());
        expect(walked.cursors.toSorted(compareTexts)).toEqual(walked.cursors);
        expect(walked.cursors.map((cursor) => [cursor].flat()[0])).toEqual([
          '-infinity',
          '0001-01-01T00:00:00.000000Z',
          '0900-01-01T00:00:00.000000Z',
          '1969-12-31T23:59:59.999999Z',
          '2024-03-31T00:59:59.999999Z',
          '2024-03-31T01:00:00.000001Z',
          '2024-03-31T01:00:00.000002Z',
          '2024-10-27T00:30:00.000000Z',
          '2024-10-27T01:30:00.000000Z',
          '9999-12-31T23:59:59.999999Z',
          'infinity',
        ]);
      }
      await opened().database.query(`set time zone 'UTC'`);
    },
  );

  test.each([
    ['0044-03-15T12:00:00Z BC', '0044-03-15'],
    ['10000-01-01T00:00:00Z', '10000-01-01'],
  ])('are named if a text of their time does not sort: %s', async (time, written) => {
    const [, id] = await insertAt(['2024-03-31T01:00:00Z', time]);
    const { repository, processModelId } = opened();
    const run = runBackfill({ repository, processModelId, paths: [{ key: 'city', path: 'city' }] });
    await expect(run).rejects.toThrow(`Instance ${id} has the time of creation ${written}`);
  });

  test('of one time are filled in pages, and once, also in shards', async () => {
    const ids = await insertAt(Array.from({ length: 25 }, () => '2024-03-31T01:00:00.000001Z'));
    const { repository, processModelId } = opened();
    const paths = [{ key: 'city', path: 'city' }];

    const first = await runBackfill({ repository, processModelId, paths, batchSize: 4, shards: 3 });
    const again = await runBackfill({ repository, processModelId, paths, batchSize: 4, shards: 3 });

    expect(first).toMatchObject({ state: 'completed', processed: 25, updated: 25 });
    expect(again).toMatchObject({ state: 'completed', processed: 25, updated: 0 });
    for (const id of ids) expect(await opened().metadata(id)).toEqual({ city: 'Oslo' });
  });
});

describe('an instance without a time of creation', () => {
  const opened = useHost({
    ...oneTable,
    schema: `${oneTable.schema} alter table instances alter created_at drop not null;`,
  });

  test('is named by the error of the survey, as it would never be filled', async () => {
    const { repository, processModelId, insertOne, database } = opened();
    await insertOne({ city: 'Oslo' });
    const id = await insertOne({ city: 'Oslo' });
    await insertOne({ city: 'Oslo' });
    const all = { processModelId, instanceIds: null, after: null, signal };
    await expect(repository.surveyInstances({ ...all, limit: null })).resolves.toMatchObject({ total: 3 });

    await database.query('update instances set created_at = null where id = $1', [id]);

    for (const limit of [null, 3, 10])
      await expect(repository.surveyInstances({ ...all, limit })).rejects.toThrow(
        `Instance ${id} has no time of creation`,
      );
    await expect(repository.surveyInstances({ ...all, limit: 2 })).resolves.toMatchObject({ total: 2 });
  });
});

describe('instances that are walked by a timestamp', () => {
  const opened = useHost(oddNames);

  test('have times without a zone, whatever the zone of the session', async () => {
    const one = opened();
    const ids = [await one.insertOne({ city: 'Oslo' }), await one.insertOne({ city: 'Oslo' })];
    for (const [index, time] of ['2024-03-31T02:30:00.000002', 'infinity'].entries())
      await one.database.query(
        `update "Host ""A"""."Process Instances" set "Created At" = $2::text::timestamp where "Instance ID" = $1`,
        [ids[index], time],
      );
    await one.database.query(`set time zone 'Europe/Oslo'`);

    const page = await one.read();

    expect(page.map(({ cursor }) => cursor)).toEqual([
      ['2024-03-31T02:30:00.000002', ids[0]],
      ['infinity', ids[1]],
    ]);
    await one.database.query(`set time zone 'UTC'`);
  });
});

function compareTexts(a: Cursor, b: Cursor): number {
  const [[a0 = '', a1 = ''], [b0 = '', b1 = '']] = [[a].flat(), [b].flat()];
  return a0 < b0 || (a0 === b0 && a1 < b1) ? -1 : 1;
}
