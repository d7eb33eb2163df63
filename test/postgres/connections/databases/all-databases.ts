import { openDrizzle } from './drizzle.js';
import { openKnex } from './knex.js';
import { openKysely } from './kysely.js';
import type { OpenDatabase } from './open-database.js';
import { openPg } from './pg.js';
import { openPglite } from './pglite.js';
import { openPostgresJs } from './postgres-js.js';
import { openPrisma } from './prisma.js';
import { openTypeorm } from './typeorm.js';

export interface DatabaseCase {
  readonly name: string;
  /** A case without a server has nothing to lose a connection to. */
  readonly servers: readonly 'PostgreSQL'[];
  readonly open: (url: string) => Promise<OpenDatabase>;
  /** Whether it applies `read`. */
  readonly reads: boolean;
  /** Whether it notices by itself that COMMIT was answered with ROLLBACK. */
  readonly checksCommit: boolean;
  /**
   * How many statements it may still reject after a loss that it has reported. Most libraries give the connection back to
   * the pool before its end is noticed, and postgres.js 3.4 rejects the first statement of its next connection, too.
   */
  readonly lateErrors: number;
}

export const ALL_DATABASES: readonly DatabaseCase[] = [
  { name: 'pg', servers: ['PostgreSQL'], open: openPg, reads: true, checksCommit: true, lateErrors: 0 },
  { name: 'PGlite', servers: [], open: openPglite, reads: true, checksCommit: true, lateErrors: 0 },
  {
    name: 'postgres.js',
    servers: ['PostgreSQL'],
    open: openPostgresJs,
    reads: false,
    checksCommit: true,
    lateErrors: 3,
  },
  ...[
    { name: 'Knex', open: openKnex },
    { name: 'Kysely', open: openKysely },
    { name: 'TypeORM', open: openTypeorm },
    { name: 'Drizzle', open: openDrizzle },
    { name: 'Prisma', open: openPrisma },
  ].map((recipe) => ({
    ...recipe,
    servers: ['PostgreSQL'] as const,
    reads: false,
    checksCommit: false,
    lateErrors: 3,
  })),
];
