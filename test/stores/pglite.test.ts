import { describe } from 'vitest';
import { openPglite } from '../../examples/2-sql-databases/databases/pglite.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { postgresCases } from './cases/postgres-cases.js';
import { useSqlHost } from './sql-host.js';

describe('on PGlite', () => {
  const host = useSqlHost(openPglite);
  allCases(host);
  largeBatchCases(host, 1);
  postgresCases(host);
});
