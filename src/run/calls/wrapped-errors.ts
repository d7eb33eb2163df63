/**
 * An error and what it wraps, outermost first. Query builders and ORMs hide the error of the database under many names.
 * At most 20 of them, each once: a chain of causes may be a circle.
 */
export function errorsWithin(error: unknown): readonly object[] {
  const found = new Set<object>();
  const waiting: unknown[] = [error];
  for (let next = waiting.shift(); found.size < MOST_ERRORS; next = waiting.shift()) {
    if (isObject(next) && !found.has(next)) {
      found.add(next);
      for (const name of WRAPPERS) waiting.push(memberOf(next, name));
      const errors = memberOf(next, 'errors');
      if (Array.isArray(errors)) waiting.push(...errors.slice(0, MOST_ERRORS));
    }
    if (waiting.length === 0) break;
  }
  return [...found];
}

/** A member of an object that others have made. Its getter may throw. */
export function memberOf(object: object, name: string): unknown {
  try {
    return Reflect.get(object, name);
  } catch {
    return undefined;
  }
}

/** A text among the members of an object that others have made. Anything else is an empty text. */
export function textOf(object: object, name: string): string {
  const member = memberOf(object, name);
  return typeof member === 'string' ? member : '';
}

const MOST_ERRORS = 20;

const WRAPPERS = [
  'cause',
  'original', // Sequelize
  'parent', // Sequelize
  'driverError', // TypeORM
  'meta', // Prisma: not an error, but code and message of one
  'driverAdapterError', // Prisma, within `meta`
  'nativeError', // Objection
  'originalError', // mssql
  'previous', // MikroORM
  'sourceError', // Neon
];

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
