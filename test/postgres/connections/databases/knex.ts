import knex from 'knex';
import { fromKnex } from '../../recipes/knex.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openKnex(url: string): Promise<OpenDatabase> {
  const database = knex({ client: 'pg', connection: url, pool: { min: 0, max: 3 } });
  return openDatabase(
    fromKnex(database),
    (work) => database.transaction(work),
    () => database.destroy(),
  );
}
