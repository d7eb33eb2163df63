import { Kysely, MysqlDialect, sql } from 'kysely';
import { createPool, type Pool } from 'mysql2';
import { mariadb } from '../repository/dialects.js';
import { SET_UP_SESSION } from '../repository/mariadb-session.js';
import type { Tables } from '../repository/tables.js';
import { createTables, type EmptyDatabase, temporaryName } from './empty-database.js';

/** Creates a database of its own on the server at `url`. */
export async function openMariadb(url: string): Promise<EmptyDatabase> {
  const server = new Kysely<Tables>({ dialect: new MysqlDialect({ pool: createPool(url) }) });
  const name = temporaryName();
  await sql`create database ${sql.id(name)} character set utf8mb4`.execute(server);
  const database = new Kysely<Tables>({
    dialect: new MysqlDialect({ pool: withSession(createPool({ uri: url, database: name })) }),
  });
  await createTables(database, 'mariadb');
  return {
    database,
    dialect: mariadb,
    async close() {
      await database.destroy();
      await sql`drop database ${sql.id(name)}`.execute(server);
      await server.destroy();
    },
  };
}

/** The pool, with the settings on each connection that the repository needs. */
export function withSession(pool: Pool): Pool {
  return pool.on('connection', (connection) => connection.query(SET_UP_SESSION));
}
