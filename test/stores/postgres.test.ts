import { openPostgres } from '../../examples/3-sql-databases/databases/postgres.js';
import { describeWith } from '../support/servers.js';
import { kyselyTables, useTables } from '../support/tables.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { postgresCases } from './cases/postgres-cases.js';
import { waitingCases } from './cases/waiting-cases.js';

describeWith(['PostgreSQL'], 'on PostgreSQL', ({ PostgreSQL: url }) => {
  const tables = useTables(() => kyselyTables(openPostgres(url)));
  allCases(tables);
  largeBatchCases(tables, 1);
  postgresCases(tables);
  waitingCases(tables);
});
