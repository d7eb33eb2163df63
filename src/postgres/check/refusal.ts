import { errorsWithin, textOf } from '../../run/calls/wrapped-errors.js';
import { sqlStateOf } from '../sql/sql-state.js';

/** The message of PostgreSQL, without a dot at its end. */
export function reasonOf(thrown: unknown): string {
  const [message] = errorsWithin(thrown).flatMap((one) =>
    textOf(one, 'code') === '' ? [] : [textOf(one, 'message')],
  );
  return (message ?? String(thrown)).replace(/\.$/, '');
}

/** What to do about a statement that PostgreSQL has refused. `undefined`: its message says all there is. */
export function fixOf(thrown: unknown): string | undefined {
  return FIXES[sqlStateOf(thrown)];
}

const TYPES = 'Compare the types of the columns with those of your SQL';
const TIME =
  'This statement took too long. Create an index that it can use, wait until the lock is released, or raise';

const FIXES: Readonly<Record<string, string>> = {
  '0A000': 'Drop the rule that it names, if any, or write a repository of your own',
  '21000': 'Add order by … limit 1',
  '42501': 'Grant this role what is missing, such as select on the table',
  '42703':
    'In this SQL, i is a row of the instances: write i.<column>. Other tables need a FROM of their own',
  '42P01': 'Write the name of the table as SQL needs it, with its schema and quotes',
  '42804': TYPES,
  '42846': TYPES,
  '42883': TYPES,
  '428C9': 'PostgreSQL generates this column itself. Name another one',
  '55000':
    'Change the table so that PostgreSQL allows this. If a replica identity is missing: alter table <table> replica identity full;',
  '55P03': `${TIME} lock_timeout`,
  '57014': `${TIME} statement_timeout`,
};
