import { describe } from 'vitest';
import { openPglite } from '../../examples/3-sql-databases/databases/pglite.js';
import { kyselyTables, useTables } from '../support/tables.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { postgresCases } from './cases/postgres-cases.js';

describe('on PGlite', () => {
  const tables = useTables(() => kyselyTables(openPglite()));
  allCases(tables);
  largeBatchCases(tables, 1);
  postgresCases(tables);
});
