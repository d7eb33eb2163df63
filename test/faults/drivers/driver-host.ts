import { randomBytes } from 'node:crypto';
import { createConnection } from 'mysql2/promise';
import { Client } from 'pg';
import { TABLES } from './raw-repository.js';
import type { Query } from './sql-driver.js';
import { numbered, rowsOf } from './sql-driver.js';

/** A database of its own on a server, and one connection to it that no proxy and no tested driver is in the way of. */
export interface DriverHost {
  readonly url: string;
  readonly query: Query;
  close(): Promise<void>;
}

export async function openDriverHost(serverUrl: string): Promise<DriverHost> {
  const name = `drivers_${randomBytes(6).toString('hex')}`;
  const url = new URL(serverUrl);
  url.pathname = name;
  const isPostgres = url.protocol === 'postgres:';
  const connect = isPostgres ? connectPostgres : connectMariadb;
  const server = await connect(serverUrl);
  await server.query(`create database ${name}`);
  const { query, end } = await connect(url.href);
  for (const statement of [...TABLES, ...(isPostgres ? POSTGRES_TRIGGER : MARIADB_TRIGGER)])
    await query(statement);
  return {
    url: url.href,
    query,
    async close() {
      await end();
      await server.query(`drop database ${name}${isPostgres ? ' with (force)' : ''}`);
      await server.end();
    },
  };
}

/** Refuses the value `unwanted`, with the value in its message. */
const POSTGRES_TRIGGER = [
  `create function refuse_unwanted() returns trigger language plpgsql as $$
    begin
      if new.value like 'unwanted%' then raise exception 'no report wants the value %', new.value; end if;
      return new;
    end $$`,
  'create trigger refuse_unwanted before insert on metadata for each row execute function refuse_unwanted()',
];

const MARIADB_TRIGGER = [
  `create trigger refuse_unwanted before insert on metadata for each row begin
    if new.value like 'unwanted%' then
      set @refusal = concat('no report wants the value ', new.value);
      signal sqlstate '45000' set message_text = @refusal;
    end if;
  end`,
];

async function connectPostgres(url: string) {
  const client = new Client({ connectionString: url, options: '-c deadlock_timeout=60s' });
  client.on('error', () => {});
  await client.connect();
  const query: Query = async (text, values = []) => (await client.query(numbered(text), [...values])).rows;
  return { query, end: () => client.end() };
}

async function connectMariadb(url: string) {
  const connection = await createConnection({ uri: url });
  const query: Query = async (text, values = []) => rowsOf((await connection.query(text, [...values]))[0]);
  return { query, end: () => connection.end() };
}
