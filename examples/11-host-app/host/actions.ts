import type { Sql } from '../../2-embedded-postgres/sql.js';
import type { ActionPort, RunAction } from '../operator/ports.js';

/** The log of what people did. */
export function createActions(sql: Sql): ActionPort {
  return {
    async add({ runId, who, action, reason }) {
      await sql.query('insert into operator_action (run_id, who, action, reason) values ($1, $2, $3, $4)', [
        runId,
        who,
        action,
        reason,
      ]);
    },
    list: (runId) =>
      sql.query<RunAction>(
        `select run_id as "runId", who, action, reason, floor(extract(epoch from at) * 1000)::float8 as at
         from operator_action where run_id = $1 order by id desc limit 50`,
        [runId],
      ),
  };
}
