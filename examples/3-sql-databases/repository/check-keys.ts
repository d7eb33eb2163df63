import { sql } from 'kysely';
import type { Dialect } from './dialects.js';
import type { Database } from './tables.js';

const MAX_LENGTH = 255;

/** Returns a check that throws if the column cannot hold these keys side by side. It asks the database only once. */
export function keyChecker(database: Database, dialect: Dialect) {
  const checked = new Set<string>();
  return async (keys: readonly string[]): Promise<void> => {
    const name = JSON.stringify(keys);
    if (checked.has(name)) return;
    const long = keys.find((key) => [...key].length > MAX_LENGTH);
    if (long !== undefined) {
      throw new RangeError(`The column "key" holds ${MAX_LENGTH} characters, too few for the key ${long}.`);
    }
    const unstorable = keys.find((key) => dialect.unstorable.test(key));
    if (unstorable !== undefined) {
      throw new RangeError(`The column "key" cannot store ${JSON.stringify(unstorable)}.`);
    }
    if (!dialect.comparesExactly && (await countDistinct(database, keys)) < keys.length) {
      throw new RangeError(
        `To the collation of the column "key", some of these are the same: ${name}. ${ADVICE}`,
      );
    }
    checked.add(name);
  };
}

/** Why an instance cannot get a value: to the unique index, its row under `key` is the one that would be written. */
export function keyTakenFor(key: string): string {
  return `the row under the key ${JSON.stringify(key)} is in the way: the collation takes another key for the same. ${ADVICE}`;
}

const ADVICE = 'Give the column "key" a binary collation.';

// In a union with the column, parameters are compared by the collation of the column.
async function countDistinct(database: Database, keys: readonly string[]): Promise<number> {
  const noRow = database.selectFrom('process_instance_metadata').select('key').where(sql<boolean>`1 = 0`);
  const union = keys.reduce(
    (query, key) => query.union(database.selectNoFrom(sql<string>`${key}`.as('key'))),
    noRow,
  );
  const { count } = await database
    .selectFrom(union.as('distinct_keys'))
    .select(({ fn }) => fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}
