import { Pool } from 'pg';

/** As any host of a pool needs it: without listeners, a lost connection ends the process. */
export function poolWithListeners(url: string): Pool {
  const pool = new Pool({ connectionString: url, max: 3 });
  pool.on('error', () => {});
  pool.on('connect', (client) => client.on('error', () => {}));
  return pool;
}
