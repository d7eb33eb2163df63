import type { ErrorClass } from '../../ports/repository.js';
import { memberOf, textOf } from './wrapped-errors.js';

/**
 * `suspect`: the database has judged what it got, so that another try does not help. The fault may be that of an
 * instance, or of everything. `doubtful`: the same, but most likely it is that of everything.
 */
export type ErrorMeaning = ErrorClass | 'suspect' | 'doubtful';

/** `time-out`: transient, and less at once may get through. */
type CodeMeaning = ErrorMeaning | 'time-out';

/** What the codes of one error mean, not looking into what it wraps. `undefined`: no code of it says anything. */
export function meaningOfCodes(error: object): CodeMeaning | undefined {
  for (const code of codesOf(error)) {
    const rule = RULES.find(([pattern]) => pattern.test(code));
    if (rule !== undefined) return rule[1];
  }
  return undefined;
}

/** The code to show to people: the one that its database's manual lists. */
export function shownCode(error: object): string | undefined {
  const errno = memberOf(error, 'errno');
  // From here on, MySQL and MariaDB have different names for a number, and a driver knows only those of one.
  if (isNumber(errno) && errno >= 4000 && errno < 5000) return `errno ${errno}`;
  const [code] = codesOf(error).filter((found) => !SAYS_NOTHING.test(found));
  if (code === undefined || !isSqlState(code)) return code?.replace(/^(SQLite \d+).*$/, '$1');
  return `SQLSTATE ${code}`;
}

/** The most exact code first: in MySQL, one SQLSTATE stands for a hundred errors. */
export function codesOf(error: object): string[] {
  const [code, errno] = [memberOf(error, 'code'), memberOf(error, 'errno')];
  const texts = ['code', 'errorCode', 'originalCode'].map((name) => textOf(error, name));
  const sqlite = ['errcode', 'resultCode', 'rawCode'].map((name) => memberOf(error, name));
  if (/sqlite/i.test(textOf(error, 'name'))) sqlite.push(code);
  const isMssql = typeof memberOf(error, 'class') === 'number';
  return [
    ...texts.filter(({ length }) => length > 0 && length <= LONGEST_CODE),
    ...texts.filter((text) => /^\d{4}$/.test(text)).map((number) => `errno ${number}`), // Prisma's, of MySQL
    ...(isNumber(errno) && errno >= 1000 ? [`errno ${errno}`] : []),
    ...sqlite.filter(isNumber).map((number) => `SQLite ${number} ${number % 256}`),
    ...(isMssql ? [`SQL Server ${memberOf(error, 'number')}`] : []),
    ...['sqlState', 'sqlstate'].map((name) => textOf(error, name)).filter(isSqlState),
    ...quotedCodes(error),
  ];
}

/** Any later text is a quoted statement. */
const MOST_READ = 10_000;

/** For errors that Prisma does not know, the code is only in its message. */
function quotedCodes(error: object): string[] {
  const message = textOf(error, 'message').slice(0, MOST_READ);
  if (!/^\s*(Invalid `|Error occurred during|ConnectorError)/.test(message)) return [];
  const [, postgres = ''] =
    /(?:PostgresError|PgError) \{ code: "(\w{5})"|SqlState\(E?"?(\w{5})"?\)/.exec(message)?.filter(Boolean) ??
    [];
  const [, mysql] = /Mysql(?:Server)?Error \{ code: (\d{4})\b/i.exec(message) ?? [];
  const [, sqlite] = /SqliteError \{ extended_code: (\d+)/.exec(message) ?? [];
  return [
    ...[postgres].filter(isSqlState),
    ...(mysql === undefined ? [] : [`errno ${mysql}`]),
    ...(sqlite === undefined ? [] : [`SQLite ${sqlite} ${Number(sqlite) % 256}`]),
  ];
}

/** What is longer is no code. */
const LONGEST_CODE = 60;

function isNumber(value: unknown): value is number {
  return Number.isSafeInteger(value);
}

/** Five characters, one of them a digit. The codes of Prisma look alike, but their class is `P1` to `P6`. */
export function isSqlState(code: string): boolean {
  return /^(?!P[1-9])(?=.*\d)[0-9A-Z]{5}$/.test(code);
}

/** Codes that a driver gives to whatever the database says. */
const SAYS_NOTHING = /^(EREQUEST|ERR_SQLITE_ERROR|UNKNOWN|HY000|P2010)$/;

/** The number of an error of MySQL and MariaDB, for drivers that do not know its name. */
function named(names: string, numbers: string): RegExp {
  return new RegExp(`^(ER_(${names})|errno (${numbers}))$`);
}

/** The first match counts. What is not listed is of unknown kind, and settled by experiment. */
const RULES: readonly (readonly [RegExp, CodeMeaning])[] = [
  // A statement or transaction that took too long: PostgreSQL, ODBC, mysql2, tedious and mssql, Prisma, undici, then
  // MySQL and MariaDB. A wait for a lock or a connection is no such time-out: it says nothing about the size.
  [
    /^(57014|25P04|HYT00|PROTOCOL_SEQUENCE_TIMEOUT|ETIMEOUT|P2028|UND_ERR_(HEADERS|BODY)_TIMEOUT)$/,
    'time-out',
  ],
  // QUERY_INTERRUPTED: a person or a tool has killed a long statement. SOCKET_TIMEOUT: the driver has waited too long.
  [
    named('QUERY_TIMEOUT|STATEMENT_TIMEOUT|QUERY_INTERRUPTED|SOCKET_TIMEOUT', '3024|1969|1317|45026'),
    'time-out',
  ],
  [/^SQL Server -2$/, 'time-out'],

  // Sockets of Node.js, then the connections of undici, postgres.js, tedious and mssql, mysql and mysql2
  [/^(ECONN\w+|EPIPE|ETIMEDOUT|EAI_AGAIN|ENOTFOUND|EHOST\w+|ENET\w+)$/, 'transient'],
  [/^UND_ERR_(SOCKET|CONNECT_TIMEOUT|CLOSED|DESTROYED)$/, 'transient'],
  [/^(CONNECTION_\w+|CONNECT_TIMEOUT)$/, 'transient'],
  [/^(ESOCKET|ENOTOPEN|EABORT)$/, 'transient'],
  [/^(PROTOCOL_\w+|POOL_(CONNLIMIT|ENQUEUELIMIT|NOCONNECTIONS))$/, 'transient'],
  [/^(EMFILE|ENFILE|ENOMEM)$/, 'transient'],
  [
    /^(ENOSPC|EROFS|EACCES|EPERM|EDQUOT|ELOGIN|(ERR_TLS_)?CERT_\w+|UNABLE_TO_\w+|\w+_SIGNED_CERT\w*)$/,
    'systemic',
  ],

  // Prisma: unreachable, too slow, pool or transaction timed out, connection closed, write conflict, too many connections
  [/^P(1001|1002|1008|1017|2024|2034|2037|5009|5010|5011|6004|6008)$/, 'transient'],
  [/^P(2000|2002|2003|2004|2005|2006|2007|2011|2012|2019|2020|2023|2033)$/, 'instance'],
  [/^P(1\d\d\d|3\d\d\d)$/, 'systemic'],
  [/^P(2008|2009|2021|2022|2026)$/, 'doubtful'],
  [/^P(2025|2029|2035)$/, 'suspect'],

  // SQLSTATE. Transient: a connection, a transaction that was rolled back, a lock, an idle session, a shutdown, too many
  // connections, no memory, a server that is read-only after a failover, a prepared statement that another connection has
  [/^40002$/, 'instance'],
  [/^(08|40)[0-9A-Z]{3}$/, 'transient'],
  [/^(25006|25P0[34]|26000|42P05|53000|53[234]00|55006|55P03|57P0[1235]|70100|72000|HYT01)$/, 'transient'],
  [/^2200H$/, 'systemic'], // a sequence is used up
  [/^(22|23)[0-9A-Z]{3}$/, 'instance'],
  // What triggers, functions and limits answer to one row: raised (P0, 45, 09, 27, 38, 39), too many rows, too large
  [/^(09|20|21|27|2F|38|39|44|45|54|P0)[0-9A-Z]{3}$/, 'suspect'],
  [/^(53100|57P04|58030|58P\d\d)$/, 'systemic'],
  [/^(0[B-FLP]|24|25(?!P0[12])|28|2B|2D|34|36|3B|3D|3F|F0)[0-9A-Z]{3}$/, 'systemic'],
  // Not supported, not allowed, no such column: of a statement, but also of a row policy, a trigger or a cast of one value.
  // A damaged index or file, or what an operator has stopped, may affect only some rows, too.
  [/^((0A|42)[0-9A-Z]{3}|55000|57000|58000|XX00[12])$/, 'doubtful'],

  // MySQL and MariaDB
  [/^ER_\w*(CONNECTION|SOCKET)_\w+$/, 'transient'],
  [
    named(
      'LOCK_DEADLOCK|LOCK_WAIT_TIMEOUT|LOCK_NOWAIT|LOCK_ABORTED|XA_RBDEADLOCK|CON_COUNT_ERROR|TOO_MANY_USER_CONNECTIONS|USER_LIMIT_REACHED|TOO_MANY_CONCURRENT_TRXS',
      '1205|1213|3572|1689|1614|1040|1203|1226|1637',
    ),
    'transient',
  ],
  [
    named(
      'SERVER_SHUTDOWN|NORMAL_SHUTDOWN|SHUTDOWN_COMPLETE|ABORTING_CONNECTION|NEW_ABORTING_CONNECTION|NET_READ\\w*|NET_ERROR_ON_WRITE|NET_WRITE_INTERRUPTED|SERVER_GONE_ERROR|SERVER_LOST',
      '1053|1077|1079|1152|1184|115[89]|116[01]|1927|200[236]|2013|2055',
    ),
    'transient',
  ],
  [
    named(
      'OUTOFMEMORY|OUT_OF_SORTMEMORY|OUT_OF_RESOURCES|LOCK_TABLE_FULL|CLIENT_INTERACTION_TIMEOUT|CHECKREAD|TABLE_DEF_CHANGED|NEED_REPREPARE|TRANSACTION_ROLLBACK_DURING_COMMIT',
      '1037|1038|1041|1206|4031|1020|1412|1615|3101',
    ),
    'transient',
  ],
  // TiDB: write conflicts, a schema that has changed, and parts of it that are busy or do not answer
  [/^errno (8002|8005|8022|8028|900[1-57])$/, 'transient'],
  // A node of Galera that is not ready, and a server that is read-only after a failover
  [
    named(
      'UNKNOWN_COM_ERROR|OPTION_PREVENTS_STATEMENT|READ_ONLY_MODE|CANT_EXECUTE_IN_READ_ONLY_TRANSACTION',
      '1047|1290|1836|1792',
    ),
    'transient',
  ],
  [
    named(
      'DUP_ENTRY\\w*|DATA_\\w+|TRUNCATED_\\w+|WARN_DATA_\\w+|BAD_NULL_ERROR|ILLEGAL_VALUE_FOR_TYPE|INVALID_JSON\\w*|JSON_\\w+|NO_REFERENCED_ROW\\w*|CONSTRAINT_FAILED|CHECK_CONSTRAINT_VIOLATED|WRONG_VALUE(_FOR_TYPE)?',
      '1411|1525|1048|1062|1216|1264|1265|1292|1366|1367|1406|1452|1586|1690|314[0-6]|3157|3819|4025|403[5-9]|404[0-4]',
    ),
    'instance',
  ],
  [
    named(
      'SIGNAL_\\w+|NET_PACKET_TOO_LARGE|WARN_ALLOWED_PACKET_OVERFLOWED|MAX_ALLOWED_PACKET|TOO_BIG_ROWSIZE|PS_MANY_PARAM|SUBQUERY_NO_1_ROW|TOO_MANY_ROWS|SP_FETCH_NO_DATA|STACK_OVERRUN\\w*|SP_RECURSION_LIMIT|CANT_UPDATE_USED_TABLE\\w*',
      '1644|164[23]|1153|1301|1118|1390|1242|1172|1329|1436|1456|1442',
    ),
    'suspect',
  ],
  [
    named(
      '(DB)?ACCESS_DENIED_ERROR|BAD_DB_ERROR|DISK_FULL|RECORD_FILE_FULL|CRASHED_\\w+|NOT_KEYFILE|OLD_KEYFILE|INDEX_CORRUPT|TABLESPACE_\\w+|OPEN_AS_READONLY',
      '1044|1045|1049|1021|1114|119[45]|103[45]|1712|1036',
    ),
    'systemic',
  ],
  [
    named(
      'AUTOINC_READ_FAILED|\\w+ACCESS_DENIED\\w*|NO_SUCH_\\w+|BAD_(FIELD|TABLE)_ERROR|PARSE_ERROR|SYNTAX_ERROR|UNKNOWN_TABLE|WRONG_\\w+|SP_DOES_NOT_EXIST|NOT_SUPPORTED_YET',
      '1467|1142|1143|1227|1370|1146|1054|1051|1064|1149|1305|1235',
    ),
    'doubtful',
  ],

  // SQLite, by name, and by extended number with its primary number
  [/^(SQLITE_(ABORT|BUSY|LOCKED|INTERRUPT|PROTOCOL|SCHEMA)\w*|SQLite \d+ (4|5|6|9|15|17))$/, 'transient'],
  [/^(SQLITE_(CONSTRAINT|TOOBIG|MISMATCH)\w*|SQLite \d+ (18|19|20))$/, 'instance'],
  [/^(SQLITE_NOMEM\w*|SQLite \d+ 7)$/, 'suspect'],
  [/^(SQLITE_ERROR|SQLite \d+ 1)$/, 'doubtful'],
  [/^(SQLITE_|SQLite (?!(0|100|101) )\d)/, 'systemic'],

  // SQL Server: connections, replicas that change their roles, locks, deadlocks, a transaction that is lost, conflicts of
  // snapshots and of tables in memory, a wait for memory, and what Azure answers while it moves a database
  [/^SQL Server (20|64|121|233|10053|10054|10060|976|978|979|983)$/, 'transient'],
  [/^SQL Server (120[345]|122[12]|3930|3935|3960|3966|4130[125]|41325|41839|8628|8645|8651)$/, 'transient'],
  [/^SQL Server (4060|4221|10928|10929|10936|401(43|66|97)|405(01|40)|40613|4991[89]|49920)$/, 'transient'],
  [/^SQL Server (220|245|515|547|2601|2627|2628|8115|8152)$/, 'instance'],
  [/^SQL Server ([5-9]\d{4}|\d{6,})$/, 'suspect'], // RAISERROR and THROW
  [/^SQL Server (102|156|207|208|229|230|262)$/, 'doubtful'],
  [/^SQL Server (1105|18456|9002)$/, 'systemic'],
];
