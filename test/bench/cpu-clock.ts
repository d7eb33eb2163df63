import { readFileSync } from 'node:fs';
import type { BenchDatabase } from './open-database.js';

/** Microseconds of work since it was made. */
export interface CpuClock {
  used(): { readonly worker: number; readonly database: number | null };
}

/** That of the database is told by Linux, of a server on this machine whose processes it shows. */
export async function cpuClock({
  sql,
  connection,
}: Pick<BenchDatabase, 'sql' | 'connection'>): Promise<CpuClock> {
  const backends =
    connection === null ? [] : await sql.query<{ pid: number }>(BACKENDS, [connection.application_name]);
  const before = backendMicros(backends);
  const start = process.cpuUsage();
  return {
    used() {
      const { user, system } = process.cpuUsage(start);
      const after = backendMicros(backends);
      return { worker: user + system, database: before === null || after === null ? null : after - before };
    },
  };
}

const BACKENDS = `select pid from pg_stat_activity where application_name = $1`;

function backendMicros(backends: readonly { readonly pid: number }[]): number | null {
  try {
    const nanos = backends.map(({ pid }) =>
      Number(readFileSync(`/proc/${pid}/schedstat`, 'utf8').split(' ')[0]),
    );
    return nanos.length === 0 ? null : nanos.reduce((sum, each) => sum + each, 0) / 1000;
  } catch {
    return null;
  }
}
