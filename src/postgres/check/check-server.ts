import type { PostgresConnection } from '../database.js';
import { error, type Finding, warning } from './finding.js';

/** Checks the version of the server, and the settings of the connection. */
export async function checkServer(database: PostgresConnection): Promise<Finding[]> {
  const [row] = await database.query(
    `select current_setting('server_version_num')::int as version, pg_is_in_recovery() as replica,
       current_setting('default_transaction_read_only')::boolean as readonly,
       current_setting('default_transaction_isolation') as isolation,
       current_setting('server_encoding') as encoding`,
    [],
  );
  const { version, replica, readonly, isolation, encoding } = row as {
    readonly version: number;
    readonly replica: boolean;
    readonly readonly: boolean;
    readonly isolation: string;
    readonly encoding: string;
  };
  return [
    ...(version >= OLDEST_SERVER
      ? []
      : [error('database', 'the server is older than PostgreSQL 13', 'Upgrade it')]),
    ...(replica || readonly
      ? [
          error(
            'database',
            'this connection can only read',
            'Connect to the primary server, in a session that may write',
          ),
        ]
      : []),
    ...(isolation === 'read committed'
      ? []
      : [
          warning(
            'database',
            `transactions of this role are at ${isolation.toUpperCase()}, so batches that compare versions take two more statements`,
            'Set default_transaction_isolation to read committed for the connection',
          ),
        ]),
    ...(encoding === 'UTF8'
      ? []
      : [
          warning(
            'database',
            `the database encoding is ${encoding}, so an instance fails if a value has a character that it lacks`,
            'Use a database with the encoding UTF8',
          ),
        ]),
  ];
}

const OLDEST_SERVER = 130_000;
