import { randomUUID } from 'node:crypto';
import { runBackfill } from 'process-metadata-backfill';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Sql } from '../../examples/2-embedded-postgres/sql.js';
import { describeWith } from '../support/servers.js';
import { type Host, withoutFunction } from './hosts/host.js';
import { n8n } from './hosts/n8n.js';
import { type OpenedDatabase, openPostgres } from './hosts/open-database.js';
import { ALL_WRITTEN, fill, type OpenedHost, openedHost, useHost } from './hosts/use-host.js';
import { commitDuring, untilWaiting } from './races/commit-during.js';
import { type RacedHost, withBothColumns, withColumn, withRows } from './races/raced-host.js';

/** What a live instance does in one transaction, and what the batch waits for. */
interface Race {
  readonly save: string;
  /** Before the batch waits, for the instance or for another one. */
  live(raced: RacedHost, sql: Sql, id: string, other: string): Promise<unknown>;
  /** While it waits, on another connection. */
  meanwhile?(raced: RacedHost, sql: Sql, id: string): Promise<unknown>;
}

const touch = ({ instances, id: column, touch }: RacedHost, sql: Sql, id: string) =>
  sql.query(`update ${instances} set ${touch} where ${column} = $1`, [id]);
const lock = ({ instances, id: column }: RacedHost, sql: Sql, id: string, strength = 'for update') =>
  sql.query(`select from ${instances} where ${column} = $1 ${strength}`, [id]);
const complete = (raced: RacedHost, sql: Sql, id: string) => raced.complete(sql, id);

/** Each save completes a task, and is committed while the batch waits. */
const RACES: readonly Race[] = [
  {
    save: 'updates its instance, and then completes a task',
    async live(raced, sql, id) {
      await touch(raced, sql, id);
      await complete(raced, sql, id);
    },
  },
  {
    save: 'completes a task, and then updates its instance',
    async live(raced, sql, id) {
      await complete(raced, sql, id);
      await touch(raced, sql, id);
    },
  },
  {
    save: 'locks its instance, completes a task, and updates its instance twice',
    async live(raced, sql, id) {
      await lock(raced, sql, id);
      await complete(raced, sql, id);
      await touch(raced, sql, id);
      await touch(raced, sql, id);
    },
  },
  {
    save: 'only locks its instance',
    async live(raced, sql, id) {
      await lock(raced, sql, id);
      await complete(raced, sql, id);
    },
  },
  {
    save: 'only locks its instance, and not its key',
    async live(raced, sql, id) {
      await lock(raced, sql, id, 'for no key update');
      await complete(raced, sql, id);
    },
  },
  {
    save: 'only completes a task, while the batch waits for another instance',
    live: (raced, sql, _, other) => lock(raced, sql, other),
    meanwhile: complete,
  },
  {
    save: 'only completes a task, while the batch waits for another instance that is updated',
    live: (raced, sql, _, other) => touch(raced, sql, other),
    meanwhile: complete,
  },
];

const NAMED_RACES = RACES.map((race) => [race.save, race] as const);

describeWith(['PostgreSQL'], 'on PostgreSQL', ({ PostgreSQL: url }) => {
  const open = (schema: string) => openPostgres(url, schema);

  describe.each([
    { metadata: 'rows', raced: withRows },
    { metadata: 'a column', raced: withColumn },
  ])('with metadata in $metadata', ({ raced }) => {
    describe('and the function', () => leavesMovedInstancesOut(raced, raced.host));
    describe('and without the function', () => leavesMovedInstancesOut(raced, withoutFunction(raced.host)));

    describe('and a function that sees only what its statement sees', () => {
      const opened = useHost(blind(raced.host), open);

      test.each(NAMED_RACES)('a batch writes stale values if a live save %s', async (_, race) => {
        const { committed, moving, other } = await run(opened(), raced, race);

        expect(committed.outcome).toEqual(ALL_WRITTEN);
        for (const id of [moving, other]) expect(await opened().metadata(id)).toEqual({ city: 'stale' });
      });
    });
  });

  describe('where transactions are not at READ COMMITTED by default', () => {
    const asRepeatable = (schema: string) => openPostgres(url, schema, { isolation: 'repeatable read' });
    leavesMovedInstancesOut(withRows, withRows.host, asRepeatable);
  });

  function leavesMovedInstancesOut(raced: RacedHost, host: Host<string>, openHost = open): void {
    const opened = useHost(host, openHost);

    test.each(NAMED_RACES)('a batch leaves an instance out if a live save %s', async (_, race) => {
      const { committed, moving, other } = await run(opened(), raced, race);

      expect(committed.result).toEqual({ status: 'committed' });
      expect(committed.outcome).toEqual({ gone: [], kept: [], moved: [moving] });
      expect(await opened().metadata(moving)).toEqual({});
      expect(await opened().metadata(other)).toEqual({ city: 'stale' });
    });
  }

  describe.each([
    { how: 'with the function', host: withBothColumns.host, isLost: false },
    { how: 'without the function', host: withoutFunction(withBothColumns.host), isLost: false },
    { how: 'with a function that sees too little', host: blind(withBothColumns.host), isLost: true },
  ])('task data in a column that a save replaces while a batch waits, $how', ({ host, isLost }) => {
    const opened = useHost(host, open);

    test(isLost ? 'are not noticed' : 'make the batch leave the instance out', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [moving, other] = ids;
      const writes = await writesFor(one, ids);

      const { outcome } = await commitDuring(
        one.database,
        (sql) => complete(withBothColumns, sql, moving),
        () => one.commit(writes),
      );

      expect(outcome?.moved).toEqual(isLost ? [] : [moving]);
      expect(await one.metadata(moving)).toEqual(isLost ? { city: 'stale' } : {});
      expect(await one.metadata(other)).toEqual({ city: 'stale' });
    });
  });

  describe.each(
    [withRows, withColumn, withBothColumns].flatMap((raced) => [
      { title: `${raced.host.title}, with the function`, raced, host: raced.host },
      { title: `${raced.host.title}, without the function`, raced, host: withoutFunction(raced.host) },
    ]),
  )('$title, a batch that has waited', ({ raced, host }) => {
    const opened = useHost(host, open);

    test('writes the instance of a save that has completed nothing, and loses none of what was saved', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [saved] = ids;
      await one.setMetadata(saved, 'town', 'Hamar');
      const writes = await writesFor(one, ids);

      const { outcome } = await commitDuring(
        one.database,
        async (sql) => {
          await touch(raced, sql, saved);
          await one.setMetadata(saved, 'town', 'Molde', { transaction: sql });
          await one.setMetadata(saved, 'county', 'Viken', { transaction: sql });
        },
        () => one.commit(writes),
      );

      expect(outcome).toEqual(ALL_WRITTEN);
      expect(await one.metadata(saved)).toEqual({ city: 'stale', town: 'Molde', county: 'Viken' });
      expect(await one.metadata(ids[1])).toEqual({ city: 'stale' });
    });

    test('keeps a value that has appeared, and writes the others', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [saved, other] = ids;
      const writes = (await writesFor(one, ids)).map((write) => ({
        ...write,
        values: [...write.values, fill('town', 'Hamar')],
      }));

      const { outcome } = await commitDuring(
        one.database,
        async (sql) => {
          await touch(raced, sql, saved);
          await one.setMetadata(saved, 'city', 'live', { transaction: sql });
        },
        () => one.commit(writes),
      );

      expect(outcome).toEqual({ gone: [], kept: [{ id: saved, key: 'city' }], moved: [] });
      expect(await one.metadata(saved)).toEqual({ city: 'live', town: 'Hamar' });
      expect(await one.metadata(other)).toEqual({ city: 'stale', town: 'Hamar' });
    });

    test('keeps a value that has appeared in another instance than the one it waited for', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [saved, other] = ids;
      const writes = await writesFor(one, ids);

      const { outcome } = await commitDuring(
        one.database,
        (sql) => touch(raced, sql, ids.toSorted()[0] === saved ? saved : other),
        () => one.commit(writes),
        () => one.setMetadata(ids.toSorted()[0] === saved ? other : saved, 'city', 'live'),
      );

      const kept = ids.toSorted()[1] ?? '';
      expect(outcome).toEqual({ gone: [], kept: [{ id: kept, key: 'city' }], moved: [] });
      expect(await one.metadata(kept)).toEqual({ city: 'live' });
      expect(await one.metadata(ids.toSorted()[0] ?? '')).toEqual({ city: 'stale' });
    });

    test.each(['changed', 'deleted', 'replaced by null'])(
      'keeps what a save has %s, if it overwrites or deletes',
      async (what) => {
        const one = opened();
        const ids = await insertTwo(one);
        for (const id of ids) await one.setMetadata(id, 'city', 'old');
        const [saved, other] = ids;
        const page = new Map((await one.read()).map((snapshot) => [snapshot.id, snapshot]));
        const writes = [saved, other].map((id) => {
          const { version = '', stored } = page.get(id) ?? { stored: new Map() };
          const replaces = stored.get('city');
          const value = id === saved ? { value: 'stale' } : {};
          return { id, version, values: [{ key: 'city', ...value, ...(replaces && { replaces }) }] };
        });

        const { outcome } = await commitDuring(
          one.database,
          async (sql) => {
            await touch(raced, sql, saved);
            if (what === 'deleted') await host.writer(sql).deleteMetadata(saved, 'city');
            else
              await one.setMetadata(saved, 'city', what === 'changed' ? 'live' : null, { transaction: sql });
          },
          () => one.commit(writes),
        );

        expect(outcome).toEqual({ gone: [], kept: [{ id: saved, key: 'city' }], moved: [] });
        const left = { changed: { city: 'live' }, deleted: {}, 'replaced by null': { city: null } }[what];
        expect(await one.metadata(saved)).toEqual(left);
        expect(await one.metadata(other)).toEqual({});
      },
    );

    test('finds an instance gone that was deleted, and writes the others', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [deleted, other] = ids;
      const writes = await writesFor(one, ids);

      const { outcome } = await commitDuring(
        one.database,
        (sql) => host.writer(sql).deleteInstance(deleted),
        () => one.commit(writes),
      );

      expect(outcome).toEqual({ gone: [deleted], kept: [], moved: [] });
      expect(await one.metadata(deleted)).toEqual({});
      expect(await one.metadata(other)).toEqual({ city: 'stale' });
    });

    test('leaves an instance out that was saved while it waited for the record of its run', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const [saved, other] = ids;
      const writes = await writesFor(one, ids);
      const record = one.newRecord();
      await one.commit([], { newRecords: [record] });
      const told: unknown[] = [];

      await commitDuring(
        one.database,
        (sql) => sql.query(`select from ${host.runs} where id = $1 for update`, [record.id]),
        () =>
          one.repository.commit({
            processModelId: one.processModelId,
            expected: [{ id: record.id, revision: record.revision }],
            instances: writes,
            next(outcome) {
              told.push(outcome);
              return [{ ...record, revision: 'second' }];
            },
          }),
        () =>
          one.database.transaction(async (sql) => {
            await touch(raced, sql, saved);
            await complete(raced, sql, saved);
          }),
      );

      expect(told.at(-1)).toEqual({ gone: [], kept: [], moved: [saved] });
      expect(await one.metadata(saved)).toEqual({});
      expect(await one.metadata(other)).toEqual({ city: 'stale' });
    });

    test('writes an instance beside another run, which has waited, too', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const writes = await writesFor(one, ids);
      const ofOther = writes.map((write) => ({ ...write, values: [fill('town', 'Hamar')] }));

      const committing = await one.database.transaction(async (sql) => {
        for (const id of ids) await touch(raced, sql, id);
        const both = [one.commit(writes), one.commit(ofOther)];
        await untilWaiting(one.database, sql, Promise.race(both), 2);
        return { both };
      });

      for (const { outcome } of await Promise.all(committing.both)) expect(outcome).toEqual(ALL_WRITTEN);
      for (const id of ids) expect(await one.metadata(id)).toEqual({ city: 'stale', town: 'Hamar' });
    });

    test('writes the instance of a save that was rolled back', async () => {
      const one = opened();
      const ids = await insertTwo(one);
      const writes = await writesFor(one, ids);
      const committing: { promise?: ReturnType<typeof one.commit> } = {};

      await one.database
        .transaction(async (sql) => {
          await touch(raced, sql, ids[0]);
          await complete(raced, sql, ids[0]);
          committing.promise = one.commit(writes);
          await untilWaiting(one.database, sql, committing.promise);
          throw new Error('rolled back');
        })
        .catch(() => {});

      expect((await committing.promise)?.outcome).toEqual(ALL_WRITTEN);
      for (const id of ids) expect(await one.metadata(id)).toEqual({ city: 'stale' });
    });
  });

  describe.each([n8n, withoutFunction(n8n)])('a soft deletion while a batch waits', (host) => {
    const opened = useHost(host, open);

    test('makes the instance gone, not moved', async () => {
      const one = opened();
      const [deleted, other] = [await one.insertOne({ city: 'Oslo' }), await one.insertOne({ city: 'Oslo' })];
      const page = await one.read();
      const writes = page.map(({ id, version = '' }) => ({ id, version, values: [fill('city', 'Oslo')] }));

      const { outcome } = await commitDuring(
        one.database,
        async (sql) => {
          const task = {
            id: randomUUID(),
            state: 'COMPLETED',
            endedAt: null,
            data: { city: 'newer' },
          } as const;
          await host.writer(sql).addTask(deleted, task);
          await host.writer(sql).deleteInstance(deleted);
        },
        () => one.commit(writes),
      );

      expect(outcome).toEqual({ gone: [deleted], kept: [], moved: [] });
      expect(await one.metadata(deleted)).toEqual({});
      expect(await one.metadata(other)).toEqual({ city: 'Oslo' });
    });
  });

  describe.each([withRows, withColumn])('two workers of one shard, on $host.title', (raced) => {
    const opened: Record<'with' | 'without', OpenedDatabase[]> = { with: [], without: [] };
    let processModelId = '';
    beforeAll(async () => {
      opened.with.push(await open(raced.host.schema));
      opened.without.push(await open(withoutFunction(raced.host).schema));
    });
    beforeEach(() => {
      processModelId = randomUUID();
    });
    afterAll(async () => {
      for (const one of [...opened.with, ...opened.without]) await one.close();
    });

    // A host's transaction takes the guarded path. Without the function, the locks are a statement of their own.
    test.each([
      { first: 'at once', second: 'guarded', database: 'with' },
      { first: 'guarded', second: 'at once', database: 'with' },
      { first: 'at once', second: 'at once', database: 'with' },
      { first: 'locked first', second: 'guarded', database: 'without' },
      { first: 'guarded', second: 'locked first', database: 'without' },
      { first: 'locked first', second: 'locked first', database: 'without' },
    ] as const)(
      'do not wait in a circle: one commits $first, the other $second',
      async ({ first, second, database: which }) => {
        const [{ database } = { database: null }] = opened[which];
        if (database === null) throw new Error('the database is not open');
        const one = openedHost(raced.host, database, processModelId);
        const ids = await insertTwo(one);
        const writes = await writesFor(one, ids);
        const records = [one.newRecord(), one.newRecord()];
        await one.commit([], { newRecords: records });

        const commit = (how: string, isFirst: boolean) => {
          const inOrder = isFirst ? records : records.toReversed();
          const send = (transaction?: Sql) =>
            one.repository.commit(
              {
                processModelId,
                expected: inOrder.map(({ id, revision }) => ({ id, revision })),
                instances: isFirst ? writes : writes.toReversed(),
                next: () => inOrder.map((record) => ({ ...record, revision: how })),
              },
              transaction && { transaction },
            );
          return how === 'guarded' ? database.transaction(send) : send();
        };
        const lastId = ids.toSorted((a, b) => (a < b ? -1 : 1))[1] ?? '';

        const results = await database.transaction(async (sql) => {
          await touch(raced, sql, lastId);
          const committing = [commit(first, true)];
          await untilWaiting(database, sql, Promise.all(committing));
          committing.push(commit(second, false));
          await untilWaiting(database, sql, Promise.race(committing), 2);
          return { committing };
        });

        expect(await Promise.all(results.committing)).toEqual([
          { status: 'committed' },
          { status: 'conflict' },
        ]);
        for (const id of ids) expect(await one.metadata(id)).toEqual({ city: 'stale' });
      },
    );
  });

  describe('a save of the whole column by a host that read it before the batch', () => {
    const opened = useHost(withColumn.host, open);

    test('loses the members of the batch, which another run fills again', async () => {
      const one = opened();
      const id = await one.insertOne({ city: 'Oslo' }, { running: false });
      await one.setMetadata(id, 'town', 'Hamar');
      const backfill = () =>
        runBackfill({
          repository: one.repository,
          processModelId: one.processModelId,
          paths: [{ key: 'city', path: 'city' }],
        });

      const labels = JSON.stringify({ ...(await one.metadata(id)), town: 'Molde' });
      await backfill();
      expect(await one.metadata(id)).toEqual({ city: 'Oslo', town: 'Hamar' });
      await one.database.query('update flow_run set labels = $2::text::jsonb where id = $1', [id, labels]);
      expect(await one.metadata(id)).toEqual({ town: 'Molde' });

      expect(await backfill()).toMatchObject({ state: 'completed', updated: 1 });
      expect(await one.metadata(id)).toEqual({ city: 'Oslo', town: 'Molde' });
    });
  });
});

describeWith(['PostgreSQL'], 'a host that saves whole instances, on PostgreSQL', ({ PostgreSQL: url }) => {
  const opened = useHost(withBothColumns.host, (schema) => openPostgres(url, schema));

  test('notices the batch by a lock column that the configuration increments, and so does the batch', async () => {
    const one = opened();
    const [id] = await insertTwo(one);
    const lockVersionOf = async () => {
      const [row] = await one.database.query<{ lock_version: number }>(
        'select lock_version from instances where id = $1',
        [id],
      );
      return row?.lock_version;
    };
    const save = (sql: Sql, lockVersion: number) =>
      sql.query(
        `update instances set metadata = '{"town": "Hamar"}', lock_version = lock_version + 1
         where id = $1 and lock_version = $2 returning lock_version`,
        [id, lockVersion],
      );
    const [write] = await writesFor(one, [id]);

    await commitDuring(
      one.database,
      (sql) => save(sql, 1),
      () => one.commit(write === undefined ? [] : [write]),
    );

    expect(await lockVersionOf()).toBe(3);
    expect(await one.metadata(id)).toEqual({ town: 'Hamar', city: 'stale' });
    expect(await save(one.database, 2)).toEqual([]);
    expect(await one.metadata(id)).toEqual({ town: 'Hamar', city: 'stale' });
  });
});

/** A stable function reads from the snapshot of the statement that calls it, as a comparison in that statement would. */
function blind<Id extends string>(host: Host<Id>): Host<Id> {
  return { ...host, schema: `${host.schema} alter function ${host.isTrue} stable;` };
}

async function run(one: OpenedHost<string>, raced: RacedHost, race: Race) {
  const ids = await insertTwo(one);
  const [moving, other] = ids;
  const writes = await writesFor(one, ids);
  const committed = await commitDuring(
    one.database,
    (sql) => race.live(raced, sql, moving, other),
    () => one.commit(writes),
    async () => race.meanwhile?.(raced, one.database, moving),
  );
  return { committed, moving, other };
}

async function insertTwo(one: OpenedHost<string>): Promise<[string, string]> {
  return [await one.insertOne({ city: 'stale' }), await one.insertOne({ city: 'stale' })];
}

/** As the page shows the instances now. */
async function writesFor(one: OpenedHost<string>, ids: readonly string[]) {
  const versions = new Map((await one.read()).map(({ id, version = '' }) => [id, version]));
  return ids.map((id) => ({ id, version: versions.get(id) ?? '', values: [fill('city', 'stale')] }));
}
