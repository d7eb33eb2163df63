import type { JsonValue } from '../../../extraction/json-value.js';
import type { RunFilter, RunRecord } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, sorted } from '../expectations.js';
import { plain, type TestedRepository } from './tested-repository.js';

/** How the records of runs are kept and found. */
export const recordPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'loadRun: returns all records of a run and of no other, each as it was stored',
    mend: 'select `run_id = …`, whole and exact; revision is a number, activeKey null or a text.',
    async check(host) {
      const runId = host.newRunId();
      const records = [
        host.record({ id: runId, runId, revision: 1, activeKey: `key of ${runId}` }),
        host.record({ id: `${runId}_0`, runId, revision: 0 }),
        host.record({ id: `${runId}_1`, runId, revision: 2_000_000_000 }),
      ];
      await host.store(...records);
      const longer = `${runId}0`;
      await host.store(host.record({ id: longer, runId: longer }));

      await host.expectRecords(runId, records);
    },
  },
  {
    name: 'loadRun: of a run that does not exist, returns an empty list',
    mend: 'return no rows as `[]`; it is not an error.',
    async check(host) {
      await host.expectRecords(host.newRunId(), []);
    },
  },
  {
    name: 'loadRun: returns what was committed last, at once',
    mend: 'read from where commits go to, not from a replica or a cache.',
    async check(host) {
      const first = host.record({ content: { visits: 0 } });
      await host.store(first);
      for (let revision = 2; revision <= 6; revision += 1) {
        const next = { ...first, revision, content: { visits: revision } };
        await host.write([], { expected: [{ id: first.id, revision: revision - 1 }], next: () => [next] });
        await host.expectRecords(first.runId, [next]);
      }
    },
  },
  {
    name: 'loadRun: returns the content of a record as it was stored, however long, deep or odd',
    mend: 'a column without a limit (text, json, longtext) for the content as JSON.',
    async check(host) {
      const record = host.record({ content: CONTENT });
      await host.store(record);

      await host.expectRecords(record.runId, [record]);
    },
  },
  {
    name: 'loadRun: returns content with a NUL, or half a surrogate pair, as it was stored',
    mend: 'store the content as JSON text: `jsonb` cannot hold these, `json` and text columns can.',
    async check(host) {
      const record = host.record({ content: { reason: 'a\u0000b', half: 'half a \ud83d pair' } });
      await host.store(record);

      await host.expectRecords(record.runId, [record]);
    },
  },
  {
    name: 'findRuns: returns one record a run, whole, newest first',
    mend: 'select `id = run_id`, order by id descending.',
    async check(host) {
      const { runs } = await storeRuns(host);

      const found = await find(host, { limit: 4 });
      expectEqual('the records', found.map(plain), runs.toReversed().map(plain));
    },
  },
  {
    name: 'findRuns: filters by model, by active key, and by whether there is one',
    mend: "each filter that is not null is a condition of its own; `active: false` is 'active_key is null'.",
    async check(host) {
      const { ids, activeKey } = await storeRuns(host);
      const [first, second, third, fourth] = ids;
      const found = async (filter: Partial<RunFilter>) =>
        sorted((await find(host, filter)).map(({ id }) => id));
      const { processModelId } = host;

      expectEqual('those of the model', await found({ processModelId }), [first, third, fourth]);
      expectEqual('those that are active', await found({ processModelId, active: true }), [first, third]);
      expectEqual('those that are not', await found({ processModelId, active: false }), [fourth]);
      expectEqual('the one with the active key', await found({ activeKey }), [third]);
      const otherCase = activeKey.toUpperCase();
      expectEqual('those with another active key', await found({ activeKey: otherCase }), []);
      const other = `${processModelId}/other`;
      expectEqual('those of the other model', await found({ processModelId: other }), [second]);
    },
  },
  {
    name: 'findRuns: goes through all runs in pages, from `before` on, exclusive',
    mend: 'select `id < before`, order by id descending, and limit after that.',
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

/** From the newest of this case on, whatever else the store holds. */
async function find(host: TestedRepository, filter: Partial<RunFilter>): Promise<readonly RunRecord[]> {
  return host.repository.findRuns({ ...ANY, before: host.newRunId(), ...filter });
}

/** Four runs, oldest first: the second of another model, the fourth not active; each with a record of a shard. */
async function storeRuns(host: TestedRepository) {
  const ids = [host.newRunId(), host.newRunId(), host.newRunId(), host.newRunId()];
  const activeKey = `key of ${ids[2]}`;
  const runs = ids.map((id, index) =>
    host.record({
      id,
      activeKey: index === 3 ? null : `key of ${id}`,
      content: { number: index },
      ...(index === 1 && { processModelId: `${host.processModelId}/other` }),
    }),
  );
  // Not in the order of their ids.
  for (const run of [runs[2], runs[0], runs[3], runs[1]]) {
    if (run === undefined) continue;
    await host.store(run, { ...run, id: `${run.id}_0`, activeKey: null });
  }
  return { ids, runs, activeKey };
}

const CONTENT: JsonValue = {
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
