import { PGlite } from '@electric-sql/pglite';
import { fromPglite } from '../../../../src/postgres/connections/from-pglite.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openPglite(): Promise<OpenDatabase> {
  const pglite = await PGlite.create();
  await pglite.exec('set default_transaction_isolation = serializable');
  return openDatabase(
    fromPglite(pglite),
    (work) => pglite.transaction(work),
    () => pglite.close(),
  );
}
