import { randomBytes } from 'node:crypto';
import pg from 'pg';

/**
 * A new database on the server at `url`. Graphile Worker needs one: a migration of any schema in a database stops all its
 * workers there ("worker:migrate" in its main.ts).
 * @param options SQL at the end of CREATE DATABASE.
 */
export async function createOwnDatabase(
  url: string,
  name = `test_${randomBytes(6).toString('hex')}`,
  options = '',
): Promise<{ readonly url: string; drop(): Promise<void> }> {
  await send(url, `create database ${name} ${options}`);
  const own = new URL(url);
  own.pathname = `/${name}`;
  return { url: own.href, drop: () => send(url, `drop database ${name} with (force)`) };
}

async function send(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
