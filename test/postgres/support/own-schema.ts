import pg from 'pg';

/** A pool whose `search_path` is a new schema, which `close` drops. */
export async function openOwnSchema(
  url: string,
  schema: string,
): Promise<pg.Pool & { close(): Promise<void> }> {
  const pool = new pg.Pool({ connectionString: url, max: 10, options: `-c search_path=${schema}` });
  await pool.query(`drop schema if exists ${schema} cascade; create schema ${schema}`);
  return Object.assign(pool, {
    async close() {
      await pool.query(`drop schema ${schema} cascade`);
      await pool.end();
    },
  });
}
