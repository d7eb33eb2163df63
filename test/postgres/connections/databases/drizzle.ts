import { drizzle } from 'drizzle-orm/node-postgres';
import { fromDrizzle } from '../../recipes/drizzle.js';
import { type OpenDatabase, openDatabase } from './open-database.js';
import { poolWithListeners } from './pool-with-listeners.js';

export async function openDrizzle(url: string): Promise<OpenDatabase> {
  const pool = poolWithListeners(url);
  const database = drizzle(pool);
  return openDatabase(
    fromDrizzle(database),
    (work) => database.transaction(work),
    () => pool.end(),
  );
}
