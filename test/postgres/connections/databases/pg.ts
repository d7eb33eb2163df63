import { Pool } from 'pg';
import { fromPg } from '../../../../src/postgres/connections/from-pg.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openPg(url: string): Promise<OpenDatabase> {
  const pool = new Pool({ connectionString: url, max: 3 });
  return openDatabase(
    fromPg(pool),
    async (work) => {
      const client = await pool.connect();
      try {
        await client.query('begin');
        await work(client);
        await client.query('commit');
      } catch (error) {
        await client.query('rollback');
        throw error;
      } finally {
        client.release();
      }
    },
    () => pool.end(),
  );
}
