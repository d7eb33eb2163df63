import { sql } from 'kysely';
import type { Database } from './tables.js';

/** What a connection of `mysql2` needs, as one statement to send before all others. */
export const SET_UP_SESSION = `set session sql_mode = replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''),
  group_concat_max_len = greatest(@@group_concat_max_len, 1048576)`;

/** The rows of an instance under 100 keys of 255 characters: 300 bytes for a key and its token, 1,020 for a value. */
const LONGEST_ROWS = 131_072;

/**
 * `mysql2` puts values into the statement itself, and escapes them by backslashes. And MariaDB cuts `json_arrayagg` at
 * group_concat_max_len.
 * @throws {RangeError} when the settings of the connection do not fit.
 */
export async function checkMariadbSession(connection: Database): Promise<void> {
  const { rows } = await sql<{ mode: string; longest: string }>`
    select @@sql_mode as mode, @@group_concat_max_len as longest`.execute(connection);
  const [{ mode, longest } = { mode: '', longest: '0' }] = rows;
  if (mode.includes('NO_BACKSLASH_ESCAPES'))
    throw new RangeError(
      `The sql_mode of the connection has NO_BACKSLASH_ESCAPES, so that a value could end its string and become SQL. ${ADVICE}`,
    );
  if (Number(longest) < LONGEST_ROWS)
    throw new RangeError(
      `The group_concat_max_len of the connection is ${longest}, so that MariaDB would cut what it says of metadata rows. ${ADVICE}`,
    );
}

const ADVICE = `Send SET_UP_SESSION on each new connection: pool.on('connection', (connection) => connection.query(SET_UP_SESSION)).`;
