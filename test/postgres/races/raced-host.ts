import { randomUUID } from 'node:crypto';
import type { Sql } from '../../../examples/2-embedded-postgres/sql.js';
import { bigIds } from '../hosts/big-ids.js';
import type { Host } from '../hosts/host.js';
import { oneTable } from '../hosts/one-table.js';
import { prefect } from '../hosts/prefect.js';

/** A host, and the single statements of its live instances. */
export interface RacedHost {
  readonly host: Host<string>;
  /** The table of instances, and its id. */
  readonly instances: string;
  readonly id: string;
  /** An assignment that changes nothing of the task data. */
  readonly touch: string;
  /** Completes a task. */
  complete(sql: Sql, id: string): Promise<void>;
}

/** Metadata in rows. */
export const withRows: RacedHost = {
  host: bigIds,
  instances: 'workflow_run',
  id: 'run_id',
  touch: 'finished_at = null',
  async complete(sql, id) {
    await sql.query(
      `insert into step (run_id, state, ended_at, output) values ($1, 'COMPLETED', now(), '{"city": "newer"}')`,
      [id],
    );
  },
};

/** Metadata in a column. */
export const withColumn: RacedHost = {
  host: prefect,
  instances: 'flow_run',
  id: 'id',
  touch: 'updated = now()',
  async complete(sql, id) {
    const task = randomUUID();
    await sql.query(`insert into task_run values ($1, $2, 'COMPLETED', now())`, [task, id]);
    await sql.query(`insert into artifact values (gen_random_uuid(), $1, '{"city": "newer"}')`, [task]);
  },
};

/** Metadata and task data in columns. */
export const withBothColumns: RacedHost = {
  host: oneTable,
  instances: 'instances',
  id: 'id',
  touch: 'updated_at = now()',
  async complete(sql, id) {
    await sql.query(`update instances set context = '{"city": "newer"}' where id = $1`, [id]);
  },
};
