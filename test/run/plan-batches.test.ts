import { expect, test } from 'vitest';
import type { InstanceSnapshot } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { openRun } from '../../src/run/calls/open-run.js';
import { createRunContext } from '../../src/run/context/create-run-context.js';
import { planBatches } from '../../src/run/job/plan-batches.js';
import { openSession } from '../../src/run/job/shard-session.js';
import { definitionOf } from '../../src/run/options/definition-options.js';
import { newRun } from '../../src/run/record/run-definition.js';
import { emptyTally } from '../../src/run/record/tally.js';
import { MODEL, PATHS } from '../support/instances.js';
import { testRuntime } from '../support/test-runtime.js';

function planner() {
  const repository = createMemoryRepository();
  const context = createRunContext({ repository, runtime: testRuntime() }, { dryRun: false });
  const run = newRun(MODEL, definitionOf({ paths: PATHS }, repository), context);
  const job = { runId: run.header.runId, shard: 0, step: 0 };
  const handle = openRun(context, job.runId);
  return planBatches(context, openSession(context, { job, handle, run }));
}

const snapshot: InstanceSnapshot = {
  id: 1,
  cursor: 1,
  version: 'one',
  data: { form: 'parsed', value: { invoice: { number: 'INV-1' } } },
  stored: new Map(),
};
const stale = { status: 'stale', instanceIds: [1] } as const;
const values = async (batches: ReturnType<typeof planner>) =>
  (await batches.plan([snapshot])).flatMap(({ writes }) => writes?.values ?? []);

test('an instance that was newer than its page three times in a row is left to its live writer', async () => {
  const batches = planner();
  for (let time = 1; time <= 2; time += 1) batches.learn(stale);
  expect(await values(batches)).toHaveLength(1);
  batches.learn(stale);
  expect(await values(batches)).toEqual([]);
  batches.learn({ status: 'committed', tally: emptyTally(0) });
  expect(await values(batches)).toHaveLength(1);
});

test('a page elsewhere is read as often as any other, although the one before was never committed', async () => {
  const batches = planner();
  batches.learn(stale);
  batches.learn(stale);
  batches.learn({ status: 'moved' });
  batches.learn(stale);
  expect(await values(batches)).toHaveLength(1);
});
