import { afterEach, beforeEach, expect, test } from 'vitest';
import { withLatency } from '../../examples/2-embedded-postgres/with-latency.js';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import {
  type InstanceSnapshot,
  type KeyCounts,
  type PageEntry,
  type PageQuery,
  runBackfill,
} from '../../src/index.js';
import { MODEL } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { eventually } from './support/eventually.js';
import { createInstances, type FaultHost, openFaultHost, PATHS } from './support/fault-host.js';
import { createLiveWriter, type LiveWriter } from './support/live-writer.js';
import { seededRandom } from './support/seeded-random.js';

const INSTANCES = 400;
const WRITERS = 2;

interface Kind {
  readonly mode: 'fill' | 'overwrite';
  readonly clear: boolean;
}

/** A row that the run wrote or deleted. */
interface Touched {
  readonly operation: string;
  readonly id: number;
  readonly row: string;
  readonly replaced: string | null;
}

/** A row version as a page saw it, `null` where there was no row. */
type Seen = Map<string, Set<string | null>>;

describeWith(['PostgreSQL'], 'live writers all through a run', () => {
  let host: FaultHost;
  beforeEach(async () => {
    host = await openFaultHost();
    await createInstances(host, INSTANCES);
    await host.query(`update process_instance set status = 'user_input_required' where id % 4 < 2`);
    await host.query(`insert into process_instance_metadata
      (process_instance_id, key, value, created_at_in_seconds, updated_at_in_seconds)
      select id, 'amount', 'old', 1, 1 from process_instance where id % 3 = 0`);
    await host.query('truncate written_row');
  });
  afterEach(() => host.close());

  test.each<[string, Kind]>([
    ['fill', { mode: 'fill', clear: false }],
    ['overwrite', { mode: 'overwrite', clear: false }],
    ['overwrite and clear', { mode: 'overwrite', clear: true }],
  ])('find nothing of their work overwritten or put back: %s', async (name, kind) => {
    const random = seededRandom(`live writers beside ${name}`);
    const seen: Seen = new Map();
    const results = { readAgain: 0 };
    let page: readonly number[] = [];
    let acts = 0;

    const liveDatabase = pgDatabase(host.connect({ settings: '-c application_name=live' }));
    const writers = Array.from({ length: WRITERS }, (_, writer) => {
      const own = Array.from({ length: INSTANCES }, (_, index) => index + 1).filter(
        (id) => id % WRITERS === writer,
      );
      const instances = own.map((id) => ({ id, running: id % 4 < 2 }));
      return createLiveWriter(liveDatabase, random, { instances, near: () => page });
    });
    let isOver = false;
    const begin = () =>
      Promise.all(
        writers.map(async (writer) => {
          for (; !isOver; acts += 1) await writer.act();
        }),
      );
    let live: Promise<unknown> | null = null;

    const repository = intercept(
      createPostgresRepository(withLatency(host.database, 1)),
      async ({ method, argument, proceed }) => {
        const answer = await proceed();
        if (method === 'readInstances') {
          results.readAgain += (argument as PageQuery<number>).instanceIds?.length ?? 0;
          const entries = answer as readonly PageEntry<number>[];
          const snapshots = entries.filter((entry): entry is InstanceSnapshot<number> => 'id' in entry);
          remember(seen, snapshots);
          page = snapshots.map(({ id }) => id);
          live ??= begin();
          const before = acts;
          await eventually(async () => acts >= before + 4); // between every read and its commit
        }
        return answer;
      },
    );
    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      ...kind,
      batchSize: 20,
    });
    isOver = true;
    await live;

    console.log(
      `beside ${name}: ${acts} acts, ${JSON.stringify({ ...results, gone: report.gone, keys: report.keys })}`,
    );
    expect(report.total).toBe(INSTANCES);
    expect(report.processed + report.failed + report.gone).toBe(report.total);
    await expectWorkOf(writers, kind);
    await expectOnlySeenRowsReplaced(seen, kind);
    const done = await host.query<Pick<KeyCounts, 'written' | 'replaced' | 'cleared'> & { key: string }>(
      `select key, count(*) filter (where operation <> 'DELETE')::int as written,
          count(*) filter (where operation = 'UPDATE')::int as replaced,
          count(*) filter (where operation = 'DELETE')::int as cleared
        from written_row where writer = $1 group by key order by key`,
      [host.name],
    );
    expect(done).toEqual(
      Object.entries(report.keys)
        .map(([key, { written, replaced, cleared }]) => ({ key, written, replaced, cleared }))
        .sort((a, b) => (a.key < b.key ? -1 : 1)),
    );
    const cleared = done.reduce((sum, counts) => sum + counts.cleared, 0);
    if (kind.clear) expect(cleared).toBeGreaterThan(0);
    // They did get in its way.
    expect(results.readAgain).toBeGreaterThan(0);
    expect(report.gone).toBeGreaterThan(0);
  });

  /** Whatever a writer did last to a row is what is there. */
  async function expectWorkOf(writers: readonly LiveWriter[], { mode }: Kind): Promise<void> {
    const stored = new Map<string, string>();
    for (const { id, key, value } of await host.query<{ id: number; key: string; value: string }>(
      'select process_instance_id as id, key, value from process_instance_metadata',
    )) {
      stored.set(`${id} ${key}`, value);
    }
    for (const { known, deleted, inserted } of writers) {
      for (const id of [...deleted, ...inserted]) {
        for (const { key } of PATHS) expect(stored.has(`${id} ${key}`), `instance ${id}`).toBe(false);
      }
      for (const [id, { rows, isSaved }] of known) {
        for (const [key, value] of rows) {
          // What a user edited, an overwrite replaces or clears where it read it, and a fill fills in again what a user deleted.
          const isCertain = isSaved || (mode === 'fill' && value !== null);
          if (isCertain) expect([id, key, stored.get(`${id} ${key}`) ?? null]).toEqual([id, key, value]);
        }
      }
    }
  }

  /** By the history that PostgreSQL's own triggers wrote. */
  async function expectOnlySeenRowsReplaced(seen: Seen, { mode, clear }: Kind): Promise<void> {
    const history = await host.query<Touched>(
      `select operation, process_instance_id as id, process_instance_id || ' ' || key as row, replaced
      from written_row where writer = $1`,
      [host.name],
    );
    expect(history.length).toBeGreaterThan(0);
    const allowed = ['INSERT', ...(mode === 'fill' ? [] : ['UPDATE']), ...(clear ? ['DELETE'] : [])];
    for (const { operation, id, row, replaced } of history) {
      expect(allowed).toContain(operation);
      const isRunning = id % 4 < 2;
      if (isRunning) expect(operation, `${row} of a running instance`).not.toBe('DELETE');
      expect([...(seen.get(row) ?? [])], `${operation} of ${row}`).toContain(replaced);
    }
  }
});

function remember(seen: Seen, snapshots: readonly InstanceSnapshot<number>[]): void {
  for (const { id, stored } of snapshots) {
    for (const { key } of PATHS) {
      const versions = seen.get(`${id} ${key}`) ?? new Set();
      const row = stored.get(key);
      seen.set(`${id} ${key}`, versions.add(row === undefined ? null : (row.token ?? 'a row')));
    }
  }
}
