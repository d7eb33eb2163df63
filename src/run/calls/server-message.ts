import { textOf } from './wrapped-errors.js';

/** The message of one error as the database gave it, in one line: without the statement that others put in front of it. */
export function serverMessage(error: object): string {
  for (const name of ['sqlMessage', 'originalMessage', 'message']) {
    const message = textOf(error, name);
    if (message === '') continue;
    if (message.length > LONGEST_MESSAGE) return '';
    const own = name === 'message' ? withoutStatement(message, statementOf(error)) : message;
    return own.replace(/\s+/g, ' ').trim();
  }
  return '';
}

/**
 * The message, or the end of a long one: Knex puts it behind the statement. Not to be shown, because a statement with its values
 * may be in front of it.
 */
export function endOfMessage(error: object): string {
  const message = textOf(error, 'message');
  const end = message.length > LONGEST_MESSAGE ? message.slice(-LONGEST_END) : '';
  return end === '' ? serverMessage(error) : end.slice(end.lastIndexOf(SEPARATOR) + SEPARATOR.length).trim();
}

const LONGEST_END = 500;

/** A longer message holds a whole statement with its values. */
export const LONGEST_MESSAGE = 4_000;

function statementOf(error: object): string {
  return textOf(error, 'sql') || textOf(error, 'query') || textOf(error, 'statement');
}

/**
 * Knex says `<statement with its values> - <message>`. Drizzle says `Failed query: <statement>` and leaves the message to
 * its cause. Prisma shows the code around the call first, and the message in the last line.
 */
function withoutStatement(message: string, statement: string): string {
  const start = statement === '' ? -1 : message.indexOf(statement);
  if (start >= 0) {
    const rest = message.slice(start + statement.length);
    return rest.startsWith(SEPARATOR) ? rest.slice(SEPARATOR.length) : '';
  }
  if (/^\s*Invalid `/.test(message)) return quotedMessage(message.trim().split('\n').at(-1) ?? '');
  return STATEMENT.test(message) ? lastPart(message) : quotedMessage(message);
}

/** Prisma quotes the whole error of the database, whose details may hold the row. */
function quotedMessage(message: string): string {
  const [, quoted] =
    /(?:PostgresError|PgError|Mysql\w{0,20}Error|SqliteError|TokenError) \{.*?\bmessage: (?:Some\()?"((?:[^"\\]|\\.)*)"/s.exec(
      message,
    ) ?? [];
  return quoted === undefined ? message : quoted.replace(/\\[nrt]/g, ' ').replace(/\\(.)/g, '$1');
}

const SEPARATOR = ' - ';
const STATEMENT =
  /^(?:\s|--.*\n|\/\*(?:[^*]|\*(?!\/))*\*\/|\()*(select|insert|update|delete|replace|merge|with|call|begin|start|commit|rollback|savepoint|release|set|lock|create|alter|drop|truncate|exec|execute|BEGIN|COMMIT)\b/i;

/** What follows the last separator, but not one within quotes: a value that the statement or the message quotes. */
function lastPart(message: string): string {
  const unquoted = message.replace(QUOTED, (quoted) => '"'.repeat(quoted.length));
  const end = unquoted.lastIndexOf(SEPARATOR);
  return end < 0 ? message : message.slice(end + SEPARATOR.length);
}

const QUOTED = /'(?:[^'\\]|\\.|'')*'|"[^"]*"|`[^`]*`/gs;
