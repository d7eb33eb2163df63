import { isBackfillError } from '../../errors.js';
import { shownCode } from './error-codes.js';
import { sentTexts } from './sent-values.js';
import { LONGEST_MESSAGE, serverMessage } from './server-message.js';
import { errorsWithin, textOf } from './wrapped-errors.js';

/**
 * Why something failed, in one bounded line for logs and records: the message of the database itself, with its code.
 * Never the statement, nor what the failed commit was to write. Of what the message quotes, only names of columns and the like:
 * the rest is data.
 */
export function reasonOf(error: unknown): string {
  if (isBackfillError(error)) return error.message;
  const errors = errorsWithin(error);
  const isCoded = (wrapped: object): boolean => shownCode(wrapped) !== undefined;
  const hasMessage = (wrapped: object): boolean => serverMessage(wrapped) !== '';
  // The innermost error comes from the server. What is around it was told by a driver, an ORM, or the host.
  const source =
    errors.findLast((wrapped) => isCoded(wrapped) && hasMessage(wrapped)) ??
    errors.findLast(hasMessage) ??
    errors.findLast(isCoded);
  if (source === undefined) return bounded(describe(error));
  const code = shownCode(source);
  const message = bounded(withoutRows(withoutValues(serverMessage(source), errors)), MOST_READ);
  const text =
    source instanceof SyntaxError
      ? withoutSnippet(message)
      : code === undefined
        ? message
        : withoutQuotes(message);
  if (code === undefined || text.includes(code.replace(/^SQLSTATE /, ''))) return bounded(text);
  return text === '' ? bounded(code) : `${bounded(text, REASON_LENGTH - code.length - 3)} (${code})`;
}

const REASON_LENGTH = 500;
const MOST_READ = 2_000;

/** No longer than a record can keep of it. Half a surrogate pair is cut off, too. */
export function bounded(text: string, length: number = REASON_LENGTH): string {
  return text.slice(0, Math.max(0, length)).replace(/[\ud800-\udbff]$/, '');
}

/** Something that was thrown and has no message. It may not even be possible to make it a string. */
function describe(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null) return String(thrown);
    const { length } = textOf(thrown, 'message');
    return length > LONGEST_MESSAGE
      ? `an error whose message of ${length} characters is too long to show`
      : NOTHING_SAID;
  } catch {
    return NOTHING_SAID;
  }
}

const NOTHING_SAID = 'an error without a message';

/** A short text is left alone: it would be found in any message. */
const SHORTEST_VALUE = 3;

function withoutValues(message: string, errors: readonly object[]): string {
  const found = new Set<string>();
  for (const error of errors) {
    for (const value of sentTexts(error)) {
      if (value.length < SHORTEST_VALUE || value.length > LONGEST_MESSAGE) continue;
      const text = value.replace(/\s+/g, ' ').trim(); // as in the message
      if (text.length >= SHORTEST_VALUE && message.includes(text)) found.add(text);
    }
  }
  // A value may be a part of another one.
  return [...found]
    .toSorted((a, b) => b.length - a.length)
    .reduce((told, value) => told.replaceAll(value, HIDDEN), message);
}

const HIDDEN = '…';

/** The message without the rows that it lists in brackets, and without passwords of URLs and connection strings. */
function withoutRows(message: string): string {
  return message
    .replace(ROW, `$1(${HIDDEN})`)
    .replace(PASSWORD, `$1${HIDDEN}@`)
    .replace(SECRET, `$1${HIDDEN}`);
}

/** As PostgreSQL, SQL Server and MongoDB list them. Up to the last bracket: a value may hold brackets, too. */
const ROW = /(\bKey \(.{0,300}?\)=(?=\()|\b(?:row contains|key value is|dup key:) ?)[({].*[)}]/gi;
const PASSWORD = /(\w:\/\/[^\s:/@]*:)\S+@/g;
const SECRET = /\b((?:password|passwd|pwd|token|secret)=)[^\s;&]+/gi;

/** JSON.parse quotes the text around the place, which may hold quotes itself. */
function withoutSnippet(message: string): string {
  return withoutQuotes(
    message.replace(/(?:, |: )?(?:\.\.\.)?".*" is not valid JSON$/s, ' in a text that is not valid JSON'),
  );
}

/**
 * The message with its quoted data hidden. Databases quote names, too, and say what they name: `column "value"`. MariaDB
 * does not escape quotes within quotes, nor does PostgreSQL, so that a value at the end is hidden up to the last quote.
 */
function withoutQuotes(message: string): string {
  const value = VALUE_BEFORE_NAME.test(message) ? VALUE_BEFORE_NAME : VALUE_AT_END;
  return message
    .replace(value, `$1 '${HIDDEN}'$2`)
    .replace(/: ".*"$/, `: "${HIDDEN}"`)
    .replace(QUOTED, (quoted, name: string | undefined) => {
      if (name !== undefined || /^`[\w $-]{1,64}`$/.test(quoted)) return quoted;
      return quoted[0] + HIDDEN + (PAIRS[quoted[0] ?? ''] ?? quoted[0]);
    });
}

const VALUE_BEFORE_NAME = /\b(entry|value:?) '.*'( for (?:key|column)\b.*)$/;
const VALUE_AT_END = /\b(entry|value:?) '.*'()$/;

const PAIRS: Readonly<Record<string, string>> = { '«': '»', '»': '«', '„': '“', '“': '”', '「': '」' };

const NAMES =
  'constraint|relation|columns?|table|key|index|type|function|procedure|trigger|schema|database|domain|enum|encoding|parameter|role|user|policy|view|sequence|operator|language|extension|partition';

/** A quote that is not closed, perhaps because the message was cut, goes to the end. An apostrophe within a word is none. */
const QUOTED = new RegExp(
  `(\\b(?:${NAMES}) (?:"[^"]*"|'[^']*'|«[^»]*»|»[^«»]*«))|"[^"]*(?:"|$)|(?<!\\w)'.*?(?:'(?!\\w)|$)|\`[^\`]*(?:\`|$)|»[^«»]*«|«[^»]*(?:»|$)|「[^」]*(?:」|$)|[„“][^“”]*(?:[“”]|$)`,
  'gi',
);
