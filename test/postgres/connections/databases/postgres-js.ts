import postgres from 'postgres';
import { fromPostgresJs } from '../../../../src/postgres/connections/from-postgres-js.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openPostgresJs(url: string): Promise<OpenDatabase> {
  const sql = postgres(url, { max: 3, onnotice: () => {} });
  return openDatabase(
    fromPostgresJs(sql),
    (work) => sql.begin(work),
    () => sql.end({ timeout: 0.1 }), // without a limit, it waits for lost connections forever (3.4.9)
  );
}
