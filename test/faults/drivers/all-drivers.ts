import type { Server } from '../../support/server-urls.js';
import { openDrizzle } from './drizzle.js';
import { openKnex } from './knex.js';
import { openMariadbConnector } from './mariadb.js';
import { openMysql2 } from './mysql2.js';
import { openPg } from './pg.js';
import { openPostgresJs } from './postgres-js.js';
import { openSequelize } from './sequelize.js';
import type { OpenDriver } from './sql-driver.js';
import { openTypeorm } from './typeorm.js';

export const ALL_DRIVERS: readonly {
  readonly name: string;
  readonly server: Extract<Server, 'PostgreSQL' | 'MariaDB'>;
  readonly open: OpenDriver;
}[] = [
  { name: 'pg', server: 'PostgreSQL', open: openPg },
  { name: 'postgres.js', server: 'PostgreSQL', open: openPostgresJs },
  { name: 'mysql2', server: 'MariaDB', open: openMysql2 },
  { name: 'mariadb', server: 'MariaDB', open: openMariadbConnector },
  ...(['PostgreSQL', 'MariaDB'] as const).flatMap((server) => [
    { name: 'Knex', server, open: openKnex },
    { name: 'Sequelize', server, open: openSequelize },
    { name: 'TypeORM', server, open: openTypeorm },
    { name: 'Drizzle', server, open: openDrizzle },
  ]),
];
