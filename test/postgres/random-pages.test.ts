import fc from 'fast-check';
import type { PagePath } from 'process-metadata-backfill';
import { expect, test } from 'vitest';
import { path, readPage } from '../stores/repository-calls.js';
import { embeddedTables } from '../support/embedded-postgres.js';
import { MODEL } from '../support/instances.js';
import { useTables } from '../support/tables.js';

const KEYS = ['city', 'invoice_number'];

const tables = useTables(embeddedTables);

/** Instances in a row that are alike, their ids `step` apart, with or without filled ones of another model between. */
const stretch = fc.record({
  count: fc.oneof(
    fc.integer({ min: 1, max: 4 }),
    fc.integer({ min: 10, max: 30 }),
    fc.integer({ min: 400, max: 1500 }),
  ),
  step: fc.oneof({ weight: 3, arbitrary: fc.constantFrom(1, 1, 2) }, fc.integer({ min: 1, max: 40 })),
  isMixed: fc.boolean(),
  keys: fc.oneof(fc.constant(KEYS), fc.subarray([...KEYS, 'other'])),
});

const setting = fc.record({
  stretches: fc.array(stretch, { maxLength: 6 }),
  limit: fc.oneof(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 1500 })),
  mode: fc.constantFrom<PagePath['mode']>('fill', 'fill', 'fill', 'overwrite'),
  /** Every how many ids are asked for by name, if not all. */
  every: fc.option(fc.integer({ min: 1, max: 60 }), { freq: 2 }),
  /** Of the entries of a page, before the next one is asked for. */
  keptShare: fc.constantFrom(0.5, 0.9, 1),
});

type Setting = typeof setting extends fc.Arbitrary<infer Value> ? Value : never;

/** A page that looks at more than a sweep of a thousand ids reaches. */
const PAST_THE_SWEEP: Setting = {
  stretches: [
    { count: 500, step: 1, isMixed: false, keys: KEYS },
    { count: 1, step: 40, isMixed: false, keys: KEYS },
    { count: 1000, step: 1, isMixed: false, keys: KEYS },
  ],
  limit: 1,
  mode: 'fill',
  every: null,
  keptShare: 1,
};

async function insert(ids: readonly number[], model: string, keys: readonly string[]): Promise<void> {
  const { pglite } = tables();
  await pglite.query(`insert into process_instance select unnest($1::int[]), $2, 'complete'`, [ids, model]);
  await pglite.query(
    `insert into process_instance_metadata
       (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
     select id, key, 'a value', 0, 0 from unnest($1::int[]) id, unnest($2::text[]) key`,
    [ids, keys],
  );
}

function shown(id: number, keys: readonly string[]): string {
  return `${id} with ${keys}`;
}

test('pages show exactly the instances that lack a value, or all when overwriting, and the rows that they have', async () => {
  await fc.assert(
    fc.asyncProperty(setting, async ({ stretches, limit, mode, every, keptShare }) => {
      await tables().pglite.exec('truncate process_instance cascade');
      const expected: string[] = [];
      let id = 0;
      for (const { count, step, isMixed, keys } of stretches) {
        const start = id;
        const ids = Array.from({ length: count }, (_, index) => start + step * (index + 1));
        const others = isMixed && step > 1 ? ids.map((one) => one - 1) : [];
        id = start + step * count;
        await insert(ids, MODEL, keys);
        await insert(others, 'test_group/other', KEYS);
        const isFilled = KEYS.every((key) => keys.includes(key));
        const wanted = ids.filter((one) => one % (every ?? 1) === 0);
        const rows = KEYS.filter((key) => keys.includes(key));
        expected.push(...wanted.map((one) => (isFilled && mode === 'fill' ? 'filled' : shown(one, rows))));
      }
      const upTo = id + 1;
      await insert([upTo + 1], MODEL, []);
      const instanceIds =
        every === null ? null : Array.from({ length: upTo / every }, (_, index) => every * (index + 1));
      const query = { instanceIds, upTo, limit, paths: KEYS.map((key) => path(key, mode)) };

      const found: string[] = [];
      let after: number | null = null;
      for (;;) {
        const page = await readPage(tables(), { ...query, after });
        if (page.length === 0) break;
        expect(page.filter((entry) => 'id' in entry).length).toBeLessThanOrEqual(limit);
        for (const entry of page.slice(0, Math.ceil(keptShare * page.length))) {
          if ('id' in entry) found.push(shown(entry.id, [...entry.stored.keys()].sort()));
          else found.push(...Array<string>(entry.filled).fill('filled'));
          expect(entry.cursor).toBeGreaterThan(after ?? 0);
          after = Number(entry.cursor);
        }
      }
      expect(found).toEqual(expected);
    }),
    { numRuns: 80, examples: [[PAST_THE_SWEEP]] },
  );
});
