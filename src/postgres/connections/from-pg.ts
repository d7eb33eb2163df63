import { InvalidInputError } from '../../errors.js';
import type { PostgresConnection, PostgresDatabase } from '../database.js';
import { expectMethods } from './expect-methods.js';
import { resultParsers } from './result-parsers.js';
import { statementNames } from './statement-names.js';

/**
 * The connections of a pool of `pg`. A transaction of the host is the client on which the host has begun it.
 * A lost connection rejects its statement. Without the listeners that this adds to the pool, it would end the process.
 *
 * Statements that are sent again and again are prepared, under names that begin with `metadata_backfill_`. If the server refuses
 * such a name, as behind some poolers, this database sends all its statements without names from then on.
 *
 * The results must be text, so the pool must not have `binary: true`. `pg.native` is not tested.
 * @throws {InvalidInputError} It is no pool.
 */
export function fromPg(pool: PgPool): PostgresDatabase<PgClient> {
  expectMethods(pool, ['connect', 'query', 'on'], `fromPg: expected ${POOL}`);
  if ('escapeIdentifier' in pool) throw new InvalidInputError(`fromPg: expected ${POOL}, got a Client`);
  listenForErrors(pool);
  const names = statementNames();
  return {
    async query(text, values, read) {
      const name = names.nameOf(text);
      if (name === undefined) return send(pool, { text }, values, read);
      try {
        return await send(pool, { text, name }, values, read);
      } catch (error) {
        if (!names.noteRefusal(error)) throw error;
        return send(pool, { text }, values, read);
      }
    },
    async transaction(work) {
      const client = await pool.connect();
      try {
        await client.query({ text: 'begin isolation level read committed' });
        const result = await work(connectionOf(client));
        const { command } = await client.query({ text: 'commit' });
        // PostgreSQL answers ROLLBACK, and no error, if a statement failed and `work` caught its error.
        if (command !== 'COMMIT')
          throw new Error('The transaction was rolled back: a statement in it failed.');
        client.release();
        return result;
      } catch (error) {
        const rollback = client.query({ text: 'rollback' });
        // A client that may still be in its transaction is destroyed.
        client.release(
          await rollback.then(
            () => false,
            () => true,
          ),
        );
        throw error;
      }
    },
    within(client) {
      expectMethods(client, ['query', 'escapeIdentifier'], `fromPg, transaction: expected ${CLIENT}`);
      return connectionOf(client);
    },
  };
}

/** The part of a `Pool` that is used here. */
export interface PgPool extends PgQueryable {
  connect(): Promise<PgPoolClient>;
  on(event: 'acquire', listener: (client: PgPoolClient) => void): unknown;
  on(event: 'error', listener: (error: Error) => void): unknown;
}

/** The part of a `PoolClient`, or of a `Client`, that is used here. */
export interface PgClient extends PgQueryable {
  escapeIdentifier(text: string): string;
}

export interface PgPoolClient extends PgClient {
  on(event: 'error', listener: (error: Error) => void): unknown;
  release(destroy?: boolean): void;
}

export interface PgQueryable {
  query(statement: PgStatement): Promise<{ readonly rows: unknown[]; readonly command: string }>;
}

export interface PgStatement {
  text: string;
  name?: string;
  values?: unknown[];
  types?: { getTypeParser(type: number, format?: string): (text: string) => unknown };
}

const POOL = 'the Pool of pg, such as new Pool({ connectionString })';
const CLIENT = 'the client of pg on which the transaction is open, such as await pool.connect()';

/** Without names: an error would end the transaction. */
function connectionOf(connection: PgQueryable): PostgresConnection {
  return { query: (text, values, read) => send(connection, { text }, values, read) };
}

async function send(
  connection: PgQueryable,
  statement: PgStatement,
  values: readonly (string | null)[],
  read: ((text: string) => unknown) | undefined,
): Promise<readonly unknown[]> {
  const parsers = resultParsers(read);
  const types = {
    getTypeParser: (type: number, format?: string) =>
      format === 'binary' ? refuseBinary : (parsers[type] ?? String),
  };
  return (await connection.query({ ...statement, values: [...values], types })).rows;
}

function refuseBinary(): never {
  throw new InvalidInputError('fromPg: the pool has binary: true. Pass a pool without it.');
}

/** Once for each pool and client, however often a host makes a database of its pool. */
function listenForErrors(pool: PgPool): void {
  if (listened.has(pool)) return;
  listened.add(pool);
  pool.on('error', ignore); // of an idle client, which the pool has dropped by then
  pool.on('acquire', (client) => {
    if (!listened.has(client)) client.on('error', ignore); // its statement is rejected as well
    listened.add(client);
  });
}

const listened = new WeakSet<object>();

function ignore(): void {}
