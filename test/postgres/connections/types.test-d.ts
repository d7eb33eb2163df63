/** Never run: `npm run typecheck` is the test. The objects of the drivers fit without a cast, and others do not. */

import type { PGlite, PGliteInterface, Transaction } from '@electric-sql/pglite';
import type { PGliteWorker } from '@electric-sql/pglite/worker';
import type { Client, Pool, PoolClient } from 'pg';
import type postgres from 'postgres';
import { expectTypeOf } from 'vitest';
import { fromPg } from '../../../src/postgres/connections/from-pg.js';
import { fromPglite } from '../../../src/postgres/connections/from-pglite.js';
import { fromPostgresJs } from '../../../src/postgres/connections/from-postgres-js.js';

declare const pool: Pool;
declare const client: Client;
declare const poolClient: PoolClient;
fromPg(pool).within?.(poolClient);
fromPg(pool).within?.(client);
// @ts-expect-error one client is no pool
fromPg(client);
// @ts-expect-error neither is a client of a pool
fromPg(poolClient);
// @ts-expect-error the pool is no transaction
fromPg(pool).within?.(pool);
expectTypeOf(fromPg(pool).transaction(async () => 1)).toEqualTypeOf<Promise<number>>();

declare const pglite: PGlite;
declare const pgliteInterface: PGliteInterface;
declare const pgliteWorker: PGliteWorker;
declare const pgliteTransaction: Transaction;
fromPglite(pglite).within?.(pgliteTransaction);
fromPglite(pgliteInterface);
fromPglite(pgliteWorker);
// @ts-expect-error PGlite itself is no transaction
fromPglite(pglite).within?.(pglite);
// @ts-expect-error a transaction cannot begin another one
fromPglite(pgliteTransaction);

declare const sql: postgres.Sql;
declare const sqlWithTypes: postgres.Sql<{ bigint: bigint }>;
declare const transactionSql: postgres.TransactionSql;
declare const transactionSqlWithTypes: postgres.TransactionSql<{ bigint: bigint }>;
fromPostgresJs(sql).within?.(transactionSql);
fromPostgresJs(sqlWithTypes).within?.(transactionSqlWithTypes);
// @ts-expect-error sql itself is no transaction
fromPostgresJs(sql).within?.(sql);
// @ts-expect-error a transaction cannot begin another one
fromPostgresJs(transactionSql);
// @ts-expect-error the objects of other drivers
fromPostgresJs(pool);
// @ts-expect-error the objects of other drivers
fromPg(sql);
