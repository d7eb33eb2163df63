import { fromPglite } from '../../../../src/postgres/connections/from-pglite.js';
import { createPglite } from '../../../support/pglite.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openPglite(): Promise<OpenDatabase> {
  const pglite = await createPglite();
  await pglite.exec('set default_transaction_isolation = serializable');
  return openDatabase(
    fromPglite(pglite),
    (work) => pglite.transaction(work),
    () => pglite.close(),
  );
}
