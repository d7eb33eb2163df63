import { runBackfill } from 'process-metadata-backfill';
import { checkResult } from './check-result.js';
import type { EmptyDatabase } from './databases/empty-database.js';
import { openMariadb } from './databases/mariadb.js';
import { openPglite } from './databases/pglite.js';
import { openPostgres } from './databases/postgres.js';
import { openSqlite } from './databases/sqlite.js';
import { createInstances, MODEL } from './demo-instances.js';
import { createSqlRepository } from './repository/sql-repository.js';

const { DATABASE_URL, MARIADB_URL } = process.env;
const databases = new Map<string, () => Promise<EmptyDatabase>>([
  ['sqlite', openSqlite],
  ['pglite', openPglite],
  ['postgres', () => openPostgres(DATABASE_URL || 'postgres://root@127.0.0.1:5432/postgres')],
  ['mariadb', () => openMariadb(MARIADB_URL || 'mysql://root@127.0.0.1:3306/mysql')],
]);
const paths = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'first_article', path: 'lines[0].article' },
];

const name = process.argv[2] ?? 'sqlite';
const open = databases.get(name);
if (open === undefined) throw new Error(`expected one of ${[...databases.keys()].join(', ')}, got ${name}`);
const interrupted = new AbortController();
process.once('SIGINT', () => interrupted.abort());

const { database, dialect, close } = await open();
let shown = 0;
try {
  console.log(`Creating 500 instances on ${name} ...`);
  const rowsBefore = await createInstances(database, 500);
  const report = await runBackfill({
    repository: createSqlRepository(database, dialect),
    processModelId: MODEL,
    paths,
    onProgress({ visited, total }) {
      if (visited > shown) console.log(`  ${visited} of ${total} instances`);
      shown = visited;
    },
    signal: interrupted.signal,
  });
  const { state, updated, keys } = report;
  console.log(`\nThe run is ${state}: ${updated} instances updated, ${keys.city?.kept} cities kept.`);
  console.log('Checked with SQL alone:');
  process.exitCode = (await checkResult(database, name, { rowsBefore, updated })) ? 0 : 1;
} catch (error) {
  if (error !== interrupted.signal.reason) throw error;
  console.log('Stopped. This demo keeps nothing.');
  process.exitCode = 130;
} finally {
  await close(); // drops the database
}
