/** A driver, a query builder or an ORM, used as its manual says: transactions are its own, and errors come as it wraps them. */
export interface SqlDriver {
  query: Query;
  transaction<Answer>(work: (query: Query) => Promise<Answer>): Promise<Answer>;
  close(): Promise<unknown>;
}

/** One statement, with a `?` for each value. Resolves to its rows. */
export type Query = (text: string, values?: readonly unknown[]) => Promise<readonly Row[]>;

export type Row = Readonly<Record<string, unknown>>;

export type OpenDriver = (url: string) => SqlDriver | Promise<SqlDriver>;

/** The statement with the placeholders of PostgreSQL. */
export function numbered(text: string): string {
  let count = 0;
  return text.replace(/\?/g, () => {
    count += 1;
    return `$${count}`;
  });
}

/** Rows in the answer of a statement, whatever its driver returns for one that has none. */
export function rowsOf(answer: unknown): readonly Row[] {
  return Array.isArray(answer) ? answer : [];
}
