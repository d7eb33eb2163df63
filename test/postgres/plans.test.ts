import type {
  BackfillMode,
  Cursor,
  InstanceSnapshot,
  InstanceWrites,
  PageEntry,
} from 'process-metadata-backfill';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith } from '../support/servers.js';
import type { Host } from './hosts/host.js';
import { type OpenedDatabase, openPostgres } from './hosts/open-database.js';
import { type OpenedHost, openedHost } from './hosts/use-host.js';
import { BIG_HOSTS, fillRuns, INSTANCES, SHARES, type Share } from './plans/big-hosts.js';
import { type Explained, explaining, type Planning } from './plans/explained.js';
import { buffersOf, costOf, mostRows, nodesOf, scansIn } from './plans/plan-nodes.js';

/** The tasks and variables of an instance, at most. */
const TASKS = 6;
/** PostgreSQL's default. */
const JIT_ABOVE_COST = 100_000;
/** Instances in the pages that are compared with each other. */
const PAGE = 500;

describeWith(['PostgreSQL'], 'query plans on PostgreSQL', ({ PostgreSQL: url }) => {
  const cases = BIG_HOSTS.flatMap((big) => PLANNINGS.map((planning) => ({ ...big, planning })));
  describe.each(cases)('over the tables of $title, $planning', ({ host, fill, tables, planning }) => {
    let opened: OpenedDatabase;
    beforeAll(async () => {
      opened = await openPostgres(url, host.schema);
      await opened.database.transaction(async (sql) => {
        for (const statement of fill) await sql.query(statement);
      });
      await opened.database.query(fillRuns(host.runs));
      for (const table of [...tables, host.runs]) await opened.database.query(`vacuum analyze ${table}`);
    });
    afterAll(() => opened?.close());

    /** What is sent meanwhile. */
    const during = (model: string, work: (one: OpenedHost<never>) => Promise<unknown>) =>
      explaining(opened.database, planning, (database) =>
        work(openedHost(host as Host<never>, database, modelId(host, model))),
      );

    async function surveyed(model: string, limit: number | null) {
      let survey = { total: 0, upTo: null as Cursor | null };
      const [statement] = await during(model, async ({ repository, processModelId }) => {
        survey = await repository.surveyInstances({ ...ALL, processModelId, limit });
      });
      return { ...survey, statement: statement as Explained };
    }

    /** Reads a page behind the first `start` instances. */
    async function pageOf(model: string, start: number, limit: number, kind: Kind) {
      const after = start === 0 ? null : (await surveyed(model, start)).upTo;
      const { upTo } = await surveyed(model, null);
      let entries: readonly PageEntry[] = [];
      const [statement] = await during(model, async ({ repository, processModelId }) => {
        const query = { ...ALL, processModelId, after, upTo, limit, paths: KINDS[kind] };
        entries = await repository.readInstances(query as never);
      });
      return { entries, statement: statement as Explained };
    }

    test.each(SHARES)(
      'a survey of the model $model reads its instances, and no other table',
      async (share) => {
        const { model, instances } = share;
        const all = await surveyed(model, null);
        const some = await surveyed(model, 1000);
        const [split] = await during(model, async ({ repository, processModelId }) =>
          repository.splitInstances?.({ ...ALL, processModelId, ...all, parts: 8 } as never),
        );

        expect([all.total, some.total]).toEqual([instances, 1000]);
        for (const [statement, counted] of [
          [all.statement, instances],
          [some.statement, 1000],
          [split as Explained, instances],
        ] as const) {
          const read = nodesOf(statement).filter(({ table }) => table !== null);
          expect(new Set(read.map(({ table }) => table)).size).toBe(1);
          expect(mostRows(statement)).toBeLessThanOrEqual(visited(share, counted));
        }
      },
    );

    describe.each([100, 2000])('no statement scans a table or joins lists row by row, limit %i', (limit) => {
      const start = INSTANCES / 4;

      function expectNoScan(statements: readonly Explained[], most: number): void {
        for (const statement of statements) {
          expect({ ...statement, scans: scansIn(statement) }).toMatchObject({ scans: [] });
          expect({ ...statement, rows: mostRows(statement) <= most }).toMatchObject({ rows: true });
        }
      }

      test.each([
        ['lacking', limit],
        ['written over', limit],
        ['filled', Math.max(5 * limit, 5000)],
      ] as const)('in a page of instances whose values are %s', async (kind, lookedAt) => {
        const { entries, statement } = await pageOf('often', start, limit, kind);

        expect(entries).toHaveLength(kind === 'filled' ? 1 : limit);
        expectNoScan([statement], 1.5 * TASKS * lookedAt);
      });

      test.each(COMMITS)('in a commit $title', async ({ isMoved, hasFunction, statements }) => {
        const { entries } = await pageOf('often', start, limit, 'written over');
        const snapshots = entries as readonly InstanceSnapshot[];
        const writes = snapshots.map(
          (snapshot, index): InstanceWrites => writesOf(snapshot, index, isMoved && index === 3),
        );

        const sent = await during('often', async ({ commit, database }) => {
          if (!hasFunction) await database.query(`drop function ${host.isTrue}`);
          const { result, outcome } = await commit(writes as never);
          expect(result).toEqual({ status: 'committed' });
          expect(outcome?.moved).toHaveLength(isMoved ? 1 : 0);
          expect([outcome?.gone, outcome?.kept]).toEqual([[], []]);
        });

        expect(sent.length).toBeGreaterThanOrEqual(statements);
        expectNoScan(sent, 1.5 * TASKS * limit);
      });
    });

    test.each(SHARES)('a page of the model $model costs the same, wherever it begins', async (share) => {
      const { model, instances } = share;
      for (const kind of ['lacking', 'written over', 'filled'] as const) {
        const lookedAt = kind === 'filled' ? 5 * Math.max(PAGE, 1000) : PAGE;
        const last = instances - lookedAt;
        if (last < 0) continue;
        // The first page of a run looks at fewer instances, if they are filled.
        const starts = [kind === 'filled' ? 1 : 0, Math.floor(last / 2), last];
        const pages = [];
        for (const start of starts) {
          const { statement } = await pageOf(model, start, kind === 'filled' ? 1000 : PAGE, kind);
          pages.push(statement);
        }

        const plans = pages.map((page) => nodesOf(page).map(({ type, table }) => [type, table]));
        // The first page is a statement of its own, which has no place to begin at.
        const [one, ...others] = planning === 'custom' ? plans : plans.slice(1);
        for (const other of others) expect(other).toEqual(one);
        const buffers = pages.map(buffersOf);
        expect(Math.max(...buffers) / Math.min(...buffers)).toBeLessThan(1.25);
      }
    });

    test.each([100, 2000, 10_000])('a page of %i is not dear enough to be compiled', async (limit) => {
      for (const kind of ['lacking', 'written over', 'filled'] as const) {
        const { statement } = await pageOf('often', INSTANCES / 4, limit, kind);
        expect(costOf(statement)).toBeLessThan(JIT_ABOVE_COST);
      }
    });

    test('a run, and those that are active, are found by an index', async () => {
      const any = { processModelId: null, activeKey: null, active: null, before: null, limit: 100 };

      const sent = await during('often', async ({ repository }) => {
        await repository.loadRun('run 000100');
        await repository.findRuns({ ...any, activeKey: 'key 19995' });
        await repository.findRuns({ ...any, active: true });
        await repository.findRuns({ ...any, active: true, processModelId: modelId(host, 'often') });
        await repository.findRuns({ ...any, before: 'run 010000' });
      });

      expect(sent).toHaveLength(5);
      for (const statement of sent) {
        expect({ ...statement, scans: scansIn(statement) }).toMatchObject({ scans: [] });
        expect(mostRows(statement)).toBeLessThanOrEqual(100);
      }
    });
  });
});

const PLANNINGS: readonly Planning[] = ['custom', 'generic'];

const ALL = { instanceIds: null, after: null, signal: new AbortController().signal };

const KINDS = {
  lacking: [pathTo('invoice_number', 'fill')],
  filled: [pathTo('city', 'fill')],
  'written over': [pathTo('invoice_number', 'overwrite'), pathTo('city', 'overwrite')],
};

type Kind = keyof typeof KINDS;

/** How a batch can be committed, and how many statements that takes at least, beside the run's first record. */
const COMMITS = [
  { title: 'in one statement', isMoved: false, hasFunction: true, statements: 4 },
  { title: 'without the function', isMoved: false, hasFunction: false, statements: 4 },
  { title: 'after a live save', isMoved: true, hasFunction: true, statements: 9 },
] as const;

function pathTo(key: string, mode: BackfillMode) {
  return { key, segments: [key], mode };
}

function modelId({ traits: { processModelId = (name: string) => name } }: Host, name: string): string {
  return processModelId(name);
}

/** A value that is new, and one that is replaced or, in each fifth instance, deleted. */
function writesOf(
  { id, stored, version }: InstanceSnapshot,
  index: number,
  isMoved: boolean,
): InstanceWrites {
  const city = stored.get('city');
  if (city === undefined) throw new Error('expected a city');
  return {
    id,
    values: [
      { key: 'invoice_number', value: 'INV-1' },
      index % 5 === 0 ? { key: 'city', replaces: city } : { key: 'city', value: 'Oslo', replaces: city },
    ],
    ...(version !== undefined && { version: isMoved ? 'another' : version }),
  };
}

/** The most instances that may be read to find so many of the model, with those of other models between them. */
function visited({ instances }: Share, wanted: number): number {
  return 1.1 * wanted * (INSTANCES / instances);
}
