import { openPostgres } from '../../examples/2-sql-databases/databases/postgres.js';
import { describeWith } from '../support/servers.js';
import { allCases } from './all-cases.js';
import { largeBatchCases } from './cases/large-batch-cases.js';
import { postgresCases } from './cases/postgres-cases.js';
import { waitingCases } from './cases/waiting-cases.js';
import { useSqlHost } from './sql-host.js';

describeWith(['PostgreSQL'], 'on PostgreSQL', ({ PostgreSQL: url }) => {
  const host = useSqlHost(() => openPostgres(url));
  allCases(host);
  largeBatchCases(host, 1);
  postgresCases(host);
  waitingCases(host);
});
