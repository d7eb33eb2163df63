import { Kysely, PostgresDialect } from 'kysely';
import { fromKysely } from '../../recipes/kysely.js';
import { type OpenDatabase, openDatabase } from './open-database.js';
import { poolWithListeners } from './pool-with-listeners.js';

export async function openKysely(url: string): Promise<OpenDatabase> {
  const kysely = new Kysely<object>({ dialect: new PostgresDialect({ pool: poolWithListeners(url) }) });
  return openDatabase(
    fromKysely(kysely),
    (work) => kysely.transaction().execute(work),
    () => kysely.destroy(),
  );
}
