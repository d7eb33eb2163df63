import type { PGlite } from '@electric-sql/pglite';
import type pg from 'pg';
import type { PostgresConnection } from '../../../src/postgres/database.js';

export function overPg(client: pg.Pool | pg.ClientBase): PostgresConnection {
  return { query: async (text, values) => (await client.query(text, [...values])).rows };
}

export function overPglite(pglite: PGlite): PostgresConnection {
  return { query: async (text, values) => (await pglite.query(text, [...values])).rows };
}
