import { setTimeout } from 'node:timers/promises';
import type { Sql, SqlDatabase } from '../../../examples/2-embedded-postgres/sql.js';

/**
 * Starts a commit while a live transaction is open, and ends that one as soon as the commit waits for it.
 * @param live what the transaction does before.
 * @param meanwhile what others do while the commit waits.
 */
export async function commitDuring<Result>(
  database: SqlDatabase,
  live: (sql: Sql) => Promise<unknown>,
  commit: () => Promise<Result>,
  meanwhile: (sql: Sql) => Promise<unknown> = async () => {},
): Promise<Result> {
  const started: Promise<Result>[] = [];
  try {
    await database.transaction(async (sql) => {
      await live(sql);
      const committing = commit();
      started.push(committing);
      await untilWaiting(database, sql, committing);
      await meanwhile(sql);
    });
  } finally {
    await Promise.allSettled(started);
  }
  const [committing] = started;
  if (committing === undefined) throw new Error('expected a commit');
  return committing;
}

/** Resolves once as many others wait for the transaction. */
export async function untilWaiting(
  database: Sql,
  transaction: Sql,
  waiting: Promise<unknown>,
  count = 1,
): Promise<void> {
  const [own] = await transaction.query<{ pid: number }>('select pg_backend_pid() as pid');
  let isSettled = false;
  const settle = () => {
    isSettled = true;
  };
  waiting.then(settle, settle);
  for (;;) {
    // One that waits for another one in the queue counts, too.
    const [blocked] = await database.query<{ count: number }>(
      `with recursive blocked as (
         select $1::int as pid
         union
         select a.pid from pg_stat_activity a join blocked b on b.pid = any (pg_blocking_pids(a.pid))
         where a.datname = current_database() and a.wait_event_type = 'Lock'
       ) select count(*)::int - 1 as count from blocked`,
      [own?.pid],
    );
    if ((blocked?.count ?? 0) >= count) return;
    if (isSettled) throw new Error('expected to wait for the live transaction');
    await setTimeout(5);
  }
}
