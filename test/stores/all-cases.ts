import type { KyselyTables } from '../support/tables.js';
import { commitCases } from './cases/commit-cases.js';
import { errorCases } from './cases/error-cases.js';
import { pageCases } from './cases/page-cases.js';
import { recordCases } from './cases/record-cases.js';
import { runCases } from './cases/run-cases.js';
import { transactionCases } from './cases/transaction-cases.js';

/** What holds in every database. */
export function allCases(tables: () => KyselyTables): void {
  pageCases(tables);
  commitCases(tables);
  errorCases(tables);
  recordCases(tables);
  transactionCases(tables);
  runCases(tables);
}
