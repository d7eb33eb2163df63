import type { JsonValue } from '../../../extraction/json-value.js';
import type { RunFilter, RunRecord } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, sorted } from '../expectations.js';
import { OTHER_REVISIONS, plain, type TestedRepository } from './tested-repository.js';

/** How the records of runs are stored and found. */
export const recordPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'loadRun: returns all records of the run and no others, each as it was stored',
    advice:
      'select `run_id = …`, and compare the whole id exactly. Return revision as the text that was stored, and activeKey as null or a text.',
    async check(host) {
      const runId = host.newRunId();
      const records = [
        host.record({ id: runId, runId, activeKey: `key of ${runId}` }),
        host.record({ id: `${runId}_0`, runId, revision: '0000000000000000' }),
        host.record({ id: `${runId}_1`, runId, revision: 'zzzzzzzzzzzzzzzz' }),
      ];
      await host.store(...records);
      const longer = `${runId}0`;
      await host.store(host.record({ id: longer, runId: longer }));

      await host.expectRecords(runId, records);
    },
  },
  {
    name: 'loadRun: returns an empty list if the run does not exist',
    advice: 'return `[]` when there are no rows. This is not an error.',
    async check(host) {
      await host.expectRecords(host.newRunId(), []);
    },
  },
  {
    name: 'loadRun: returns what was just committed',
    advice: 'read from the database that commits write to, not from a replica or a cache.',
    async check(host) {
      const first = host.record({ content: { visits: -1 } });
      await host.store(first);
      let stored = first;
      for (const [visits, revision] of OTHER_REVISIONS.entries()) {
        const next = { ...first, revision, content: { visits } };
        await host.write([], {
          expected: [{ id: first.id, revision: stored.revision }],
          next: () => [next],
        });
        await host.expectRecords(first.runId, [next]);
        stored = next;
      }
    },
  },
  {
    name: 'loadRun: returns long, deep and unusual content as it was stored',
    advice: 'store the content as JSON in a column without a size limit (text, json, longtext).',
    async check(host) {
      const record = host.record({ content: CONTENT });
      await host.store(record);

      await host.expectRecords(record.runId, [record]);
    },
  },
  {
    name: 'loadRun: returns content with a NUL or half a surrogate pair as it was stored',
    advice:
      'store the content as JSON text. `jsonb` cannot hold these characters, but `json` and text columns can.',
    async check(host) {
      const record = host.record({ content: { reason: 'a\u0000b', half: 'half a \ud83d pair' } });
      await host.store(record);

      await host.expectRecords(record.runId, [record]);
    },
  },
  {
    name: 'findRuns: returns one record per run with its content, newest first',
    advice: 'select `id = run_id`, and order by id descending.',
    async check(host) {
      const { runs } = await storeRuns(host);

      const found = await find(host, { limit: 4 });
      expectEqual('the records', found.map(plain), runs.toReversed().map(plain));
    },
  },
  {
    name: 'findRuns: filters by model, by active key, and by whether a run has an active key',
    advice:
      "make each filter that is not null a condition of its own. `active: false` means 'active_key is null'.",
    async check(host) {
      const { ids, activeKey } = await storeRuns(host);
      const [first, second, third, fourth] = ids;
      const found = async (filter: Partial<RunFilter>) =>
        sorted((await find(host, filter)).map(({ id }) => id));
      const { processModelId } = host;

      expectEqual('the runs of the model', await found({ processModelId }), [first, third, fourth]);
      expectEqual('the active runs of the model', await found({ processModelId, active: true }), [
        first,
        third,
      ]);
      expectEqual(
        'the runs of the model that are not active',
        await found({ processModelId, active: false }),
        [fourth],
      );
      expectEqual('the run with the active key', await found({ activeKey }), [third]);
      const otherCase = activeKey.toUpperCase();
      expectEqual('the runs with another active key', await found({ activeKey: otherCase }), []);
      const other = host.otherModel('/other');
      expectEqual('the runs of the other model', await found({ processModelId: other }), [second]);
    },
  },
  {
    name: 'findRuns: pages through all runs by `before`, which is exclusive',
    advice: 'select `id < before`, order by id descending, then apply the limit.',
    async check(host) {
      const { ids } = await storeRuns(host);

      const pages: string[][] = [];
      for (let before = host.newRunId(); pages.length < 2; before = pages.at(-1)?.at(-1) ?? '') {
        pages.push((await host.repository.findRuns({ ...ANY, before, limit: 2 })).map(({ id }) => id));
      }
      expectEqual('the pages', pages, [ids.slice(2).toReversed(), ids.slice(0, 2).toReversed()]);
    },
  },
];

const ANY: RunFilter = { processModelId: null, activeKey: null, active: null, before: null, limit: 100 };

/** Starts at the newest run of this case, whatever other runs the store has. */
async function find(host: TestedRepository, filter: Partial<RunFilter>): Promise<readonly RunRecord[]> {
  return host.repository.findRuns({ ...ANY, before: host.newRunId(), ...filter });
}

/** Stores four runs, each with the record of a shard. Oldest first: the second is of another model, the fourth not active. */
async function storeRuns(host: TestedRepository) {
  const ids = [host.newRunId(), host.newRunId(), host.newRunId(), host.newRunId()];
  const activeKey = `key of ${ids[2]}`;
  const runs = ids.map((id, index) =>
    host.record({
      id,
      activeKey: index === 3 ? null : `key of ${id}`,
      content: { number: index },
      ...(index === 1 && { processModelId: host.otherModel('/other') }),
    }),
  );
  // Stored in another order than that of the ids.
  for (const run of [runs[2], runs[0], runs[3], runs[1]]) {
    if (run === undefined) continue;
    await host.store(run, { ...run, id: `${run.id}_0`, activeKey: null });
  }
  return { ids, runs, activeKey };
}

const CONTENT: Readonly<Record<string, JsonValue>> = {
  text: `it's "quoted" \\ größe 価格 🧾 \n\t $1 ? :name %s ${'x'.repeat(20_000)}`,
  numbers: [0, -1, 1.1, 1e21, 1e-7, 9_007_199_254_740_991],
  words: [true, false, null, 'true', 'null', ''],
  empty: [{}, [], { '': '' }],
  ...(JSON.parse('{ "__proto__": { "polluted": true }, "constructor": "own" }') as object),
  deep: nested(64),
};

function nested(levels: number): JsonValue {
  return levels === 0 ? 'bottom' : { in: [nested(levels - 1)] };
}
