import { queueConformance } from 'process-metadata-backfill/testing';
import { describe, expect, test } from 'vitest';
import { queueDefects } from './broken/queue-defects.js';
import { failuresOf, named } from './fixtures/failures-of.js';
import { offeringFixture } from './fixtures/in-process-fixture.js';

/** How long a case waits for what a broken queue never does. */
const BROKEN_MS = 10_000;

describe.concurrent('a queue where', () => {
  test.each(queueDefects)('$title fails the cases that say so, and no other', async ({ breakIt, breaks }) => {
    const cases = queueConformance(() => breakIt(offeringFixture(BROKEN_MS)));

    const failures = await failuresOf(cases);

    expect([...failures.keys()]).toEqual(named(breaks, cases));
    for (const message of failures.values())
      expect(message).toMatch(/\n {2}(To fix it|What this case checks): .{20}/);
  });

  test('nothing is wrong fails no case', async () => {
    expect(await failuresOf(queueConformance(() => offeringFixture()))).toEqual(new Map());
  });
});

test('each case is failed by a broken queue that fails no other case', () => {
  const cases = queueConformance(() => offeringFixture());
  const single = queueDefects.filter(({ breaks }) => breaks.length === 1);
  const failed = new Set(single.flatMap(({ breaks }) => named(breaks, cases)));
  expect(cases.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([]);
});
