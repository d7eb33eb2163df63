import { createHash } from 'node:crypto';
import { sqlStateOf } from '../sql/sql-state.js';

/**
 * Names of prepared statements. Under such a name, PostgreSQL keeps a statement and its plan on a connection. Otherwise it would
 * plan each batch anew.
 */
export interface StatementNames {
  /** `undefined`: send the statement without a name. It has been sent too rarely, or there are enough names. */
  nameOf(text: string): string | undefined;
  /**
   * Takes note of the error of a statement with a name. Returns whether the name is to blame. Then the statement has not been
   * executed, and may be sent again without one. No statement gets a name from then on.
   */
  noteRefusal(error: unknown): boolean;
}

export function statementNames(): StatementNames {
  const seen = new Map<string, number>();
  const named = new Map<string, { readonly digest: string; times: number }>();
  let areKept = true;

  function prepare(text: string): void {
    // A digest of the text: another process may get the same connection from PgBouncer.
    const digest = createHash('sha256').update(text).digest('base64url').slice(0, 22);
    named.set(text, { digest, times: 0 });
    seen.delete(text);
  }

  return {
    nameOf(text) {
      if (!areKept) return undefined;
      const statement = named.get(text);
      if (statement !== undefined) {
        statement.times += 1;
        // At 10, 100 and 1,000 times it is planned anew: the tables may have been almost empty.
        return `metadata_backfill_${statement.digest}_${Math.floor(Math.log10(Math.min(statement.times, 1000)))}`;
      }
      const times = (seen.get(text) ?? 0) + 1;
      if (seen.size >= MOST_SEEN) seen.clear();
      seen.set(text, times);
      if (times >= PREPARED_AFTER && named.size < MOST_NAMED) prepare(text);
      return undefined;
    },
    noteRefusal(error) {
      const isRefused = REFUSALS.includes(sqlStateOf(error) ?? '') || isOfOtherText(error);
      if (isRefused) areKept = false;
      return isRefused;
    },
  };
}

/** How often a statement is sent before it gets a name. Statements that come once should not take one. */
const PREPARED_AFTER = 2;
/** A run uses three or four. If the metadata table grows, some have a second text. Each, in up to four plans, takes about 0.7 MB of each connection (PostgreSQL 15). */
const MOST_NAMED = 20;
const MOST_SEEN = 500;

/**
 * The server does not know the name or has it for another statement (26000, 42P05), as behind PgBouncer. Or somebody has altered a
 * table, and the kept plan would return other types (0A000). PgBouncer may keep such a plan for good.
 */
const REFUSALS: readonly string[] = ['26000', '42P05', '0A000'];

/** What `pg` says before it sends anything, if a wrapper changes the texts of statements, such as by a comment. */
function isOfOtherText(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Prepared statements must be unique');
}
