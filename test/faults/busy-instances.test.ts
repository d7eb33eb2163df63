import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pgDatabase } from '../../examples/demo-host/pg-sql.js';
import {
  type InstanceSnapshot,
  type PageEntry,
  type PageQuery,
  type RepositoryCommit,
  runBackfill,
} from '../../src/index.js';
import { MODEL, PATHS } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { describeWith } from '../support/servers.js';
import { createPostgresRepository } from '../support/spiff-repository.js';
import { type FaultHost, openFaultHost } from './support/fault-host.js';
import { seededRandom } from './support/seeded-random.js';

const INSTANCES = 40_000;
const SAVES_PER_SECOND = 140;
const SAVE_EVERY_MS = 50;
/** It is saved after each of its reads. */
const RESTLESS = 7;

describeWith(['PostgreSQL'], 'a run over running instances that are saved meanwhile', () => {
  let host: FaultHost;
  beforeEach(async () => {
    host = await openFaultHost();
    await host.query(`insert into process_instance (process_model_identifier, status)
      select '${MODEL}', 'user_input_required' from generate_series(1, ${INSTANCES})`);
    await host.query(`insert into json_data (hash, data)
      select 'hash ' || i, json_build_object('invoice', json_build_object('number', 'INV-' || i))
      from generate_series(1, ${INSTANCES}) i`);
    await host.query(`insert into task (guid, process_instance_id, state, json_data_hash, end_in_seconds)
      select 'task ' || i, i, 'COMPLETED', 'hash ' || i, 1 from generate_series(1, ${INSTANCES}) i`);
    for (const table of ['process_instance', 'json_data', 'task']) await host.query(`analyze ${table}`);
  });
  afterEach(() => host.close());

  test('ends with a row or a failure for each of 40,000', async () => {
    const random = seededRandom('saves beside a run');
    const engine = pgDatabase(host.connect({ settings: '-c application_name=engine', max: 2 }));
    let saves = 0;
    let page: readonly number[] = [];

    /** Completes a task, as an engine does that does not know the new path. */
    async function save(id: number): Promise<void> {
      saves += 1;
      const [hash, number] = [`live ${saves}`, `live ${id} ${saves}`];
      await engine.transaction(async (sql) => {
        await sql.query('update process_instance set status = status where id = $1', [id]);
        await sql.query('insert into json_data values ($1, $2)', [
          hash,
          JSON.stringify({ invoice: { number } }),
        ]);
        await sql.query(`insert into task values ($1, $2, 'COMPLETED', $1, $3)`, [hash, id, 1 + saves]);
      });
    }

    let isOver = false;
    async function saveOn(): Promise<void> {
      const startedAt = performance.now();
      for (let due = 0; !isOver; await setTimeout(SAVE_EVERY_MS)) {
        for (due = ((performance.now() - startedAt) * SAVES_PER_SECOND) / 1000 - saves; due > 0; due -= 1) {
          const isNear = page.length > 0 && random.next() < 0.5;
          await save(isNear ? random.pick(page) : 1 + Math.floor(random.next() * INSTANCES));
        }
      }
    }

    const moved = new Set<unknown>();
    const repository = intercept(
      createPostgresRepository(host.database),
      async ({ method, argument, proceed }) => {
        if (method === 'commit') {
          const { instances } = argument as RepositoryCommit<number>;
          if (instances.some(({ id }) => id === RESTLESS)) await save(RESTLESS);
        }
        const answer = await proceed();
        if (method !== 'readInstances') return answer;
        const { instanceIds } = argument as PageQuery<number>;
        for (const id of instanceIds ?? []) moved.add(id);
        const shown = (answer as readonly PageEntry<number>[]).filter(
          (entry): entry is InstanceSnapshot<number> => 'id' in entry,
        );
        page = shown.map(({ id }) => id);
        return answer;
      },
    );
    const saving = saveOn();
    const startedAt = performance.now();
    const report = await runBackfill({
      repository,
      processModelId: MODEL,
      paths: PATHS,
      batchSize: 2_000,
      logger: { info() {}, warn() {}, error() {} },
    }).finally(() => {
      isOver = true;
    });
    const seconds = (performance.now() - startedAt) / 1000;
    await saving;

    console.log(
      `${saves} saves in ${seconds.toFixed(1)} s: ${moved.size} instances left behind, ${report.failed} failed`,
    );
    const rowless = await host.query<{ id: number }>(
      `select id from process_instance i where not exists (
        select 1 from process_instance_metadata m where m.process_instance_id = i.id and m.key = $1) order by id`,
      [PATHS[0].key],
    );
    expect(report).toMatchObject({ total: INSTANCES, gone: 0, processed: INSTANCES - report.failed });
    expect(report.failures.map(({ instanceId }) => instanceId).sort()).toEqual(rowless.map(({ id }) => id));
    expect(report.failures).toContainEqual(
      expect.objectContaining({ instanceId: RESTLESS, code: 'INSTANCE_BUSY' }),
    );
    const { written, kept } = report.keys[PATHS[0].key] ?? {};
    expect([written, kept]).toEqual([INSTANCES - report.failed, 0]);
    expect(moved.size).toBeGreaterThan(1);
  });
});
