import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
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
  return { url: own.href, drop: () => dropDatabase(url, name) };
}

/**
 * Drops a database. Waits up to two seconds until its connections are closed: a pool says that it has ended earlier than that. A
 * connection that is cut in between raises an error that nobody handles.
 */
export async function dropDatabase(url: string, name: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (let tries = 1; tries <= 40; tries += 1) {
      const { rowCount } = await client.query('select from pg_stat_activity where datname = $1', [name]);
      if (rowCount === 0) break;
      await setTimeout(50);
    }
    await client.query(`drop database ${name} with (force)`);
  } finally {
    await client.end();
  }
}

async function send(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(statement).finally(() => client.end());
}
