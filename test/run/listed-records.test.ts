import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { InstanceFailure } from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';
import { dryRunRepository } from '../../src/run/context/dry-run-repository.js';
import { listRecord, listRunId, packItems } from '../../src/run/record/listed-records.js';

const failure = (instanceId: InstanceFailure['instanceId'], reason: string): InstanceFailure => ({
  instanceId,
  key: null,
  code: 'WRITE_REJECTED',
  reason,
});

const someFailures = fc
  .array(fc.nat({ max: 9_000 }), { maxLength: 60 })
  .map((lengths) => lengths.map((length, index) => failure(index, 'ä'.repeat(length))));

describe('failures are packed into records', () => {
  test('in their order, each once, and no record is larger than 16 KB unless it holds a single failure', () => {
    fc.assert(
      fc.property(someFailures, (failures) => {
        const packed = packItems(failures);

        expect(packed.flat()).toEqual(failures);
        for (const list of packed) {
          const content = { format: 1, number: Number.MAX_SAFE_INTEGER, failures: list };
          const bytes = Buffer.byteLength(JSON.stringify(content));
          expect(list.length === 1 || bytes <= 16_384).toBe(true);
        }
      }),
      { seed: 1 },
    );
  });

  test('so that fewer failures never need more records', () => {
    fc.assert(
      fc.property(someFailures, fc.infiniteStream(fc.boolean()), (failures, choices) => {
        const some = failures.filter(() => choices.next().value);

        expect(packItems(some).length).toBeLessThanOrEqual(packItems(failures).length);
      }),
      { seed: 1 },
    );
  });

  test('as many as there is room for', () => {
    const packed = packItems(Array.from({ length: 1_000 }, (_, id) => failure(id, 'no JSON')));

    expect(packed.length).toBeLessThan(6);
  });
});

test('a dry run keeps only those of its report in memory', async () => {
  const repository = dryRunRepository(createMemoryRepository());
  const run = { runId: 'run', processModelId: 'model' };
  const records = Array.from({ length: 100 }, (_, number) =>
    listRecord('failures', run, 3, { number, items: [failure(number, 'no JSON')] }, `revision ${number}`),
  );

  for (const record of records) {
    const expected = [{ id: record.id, revision: null }];
    await repository.commit({ processModelId: 'model', expected, instances: [], next: () => [record] });
  }

  const kept = [0, 20, 40, 60, 80].map((number) =>
    repository.loadRun(listRunId('failures', 'run', 3, number)),
  );
  expect((await Promise.all(kept)).map(({ length }) => length)).toEqual([20, 0, 0, 0, 0]);
});
