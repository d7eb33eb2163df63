/** A connection of a PostgreSQL driver, or a transaction on one. */
export interface PostgresConnection {
  /**
   * Sends one statement and returns its rows, as objects by column name. Parameters are `$1` to `$n`, and each is text or null.
   * The library selects only booleans, texts and 32-bit integers. Return them as booleans, strings and numbers, as drivers do by
   * default.
   *
   * If `read` is given, the driver should apply it to each value of the type `text` as its row arrives. A driver that cannot do so
   * ignores it. The page then holds whole documents for longer.
   */
  query(
    text: string,
    values: readonly (string | null)[],
    read?: (text: string) => unknown,
  ): Promise<readonly unknown[]>;
}

/** The host's own connection to PostgreSQL. `fromPg`, `fromPglite` and `fromPostgresJs` make one. */
export interface PostgresDatabase<Transaction = never> extends PostgresConnection {
  /** Begins a transaction at READ COMMITTED, commits when `work` resolves, and rolls back when it rejects. */
  transaction<Result>(work: (connection: PostgresConnection) => Promise<Result>): Promise<Result>;
  /**
   * The connection of a transaction that the host has open. With it, requests can be part of that transaction.
   * @default the repository is not transactional
   */
  within?(transaction: Transaction): PostgresConnection;
}
