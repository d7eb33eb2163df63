import { z } from 'zod';
import { InvalidInputError, problemList } from '../errors.js';

/** A schema for each member of `Options`. */
export type Fields<Options> = {
  readonly [Name in keyof Options]-?: z.ZodType<Options[Name]>;
};

/**
 * Checks options or a payload. Only own properties of the input count. Every member that the schema names is an own
 * property of the result, so a property of `Object.prototype` is never taken for an option.
 * @throws {InvalidInputError} It lists each wrong member with what was expected and what was given.
 */
export function parseInput<Output>(subject: string, schema: z.ZodType<Output>, input: unknown): Output {
  if (typeof input !== 'object' || input === null || Array.isArray(input)) {
    const [a, b, c, ...others] = namesIn(schema);
    const example = [a, b, c, others.length > 0 ? '…' : undefined].filter((name) => name !== undefined);
    throw new InvalidInputError(
      `${subject}: expected an object such as { ${example.join(', ')} }, got ${describe(input)}`,
    );
  }
  const own = ownMembers(input);
  const result = schema.safeParse(own);
  if (result.success) return { ...absent(schema), ...result.data };
  const problems = result.error.issues.flatMap((issue) => problemsOf(issue, own, schema));
  throw new InvalidInputError(problemList(subject, problems));
}

function absent(schema: z.ZodType): Readonly<Record<string, undefined>> {
  return Object.fromEntries(namesIn(schema).map((name) => [name, undefined]));
}

function namesIn(schema: z.ZodType): string[] {
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** Without a prototype, so that a member of `Object.prototype` is none of the options, nor of the data among them. */
function ownMembers(input: object): object {
  const members = Object.entries(input).map(([name, value]) => [
    name,
    isData(value) ? ownMembers(value) : value,
  ]);
  return Object.assign(Object.create(null), Object.fromEntries(members));
}

/** An object literal of numbers, texts and the like: bounds of a batch, say, and no repository or logger. */
function isData(value: unknown): value is object {
  if (typeof value !== 'object' || value === null) return false;
  if (Object.getPrototypeOf(value) !== Object.prototype) return false;
  return Object.values(value).every((member) => typeof member !== 'object' && typeof member !== 'function');
}

/** A schema for values that pass `check`. The error message says "expected <what>, got …". */
export function expecting<T>(what: string, check: (value: unknown) => boolean): z.ZodType<T> {
  return z.custom<T>(check, `expected ${what}`);
}

/** Members that another one rules out. */
export function leftOut<Name extends string>(
  names: readonly Name[],
  why: string,
): Readonly<Record<Name, z.ZodType<undefined>>> {
  const nothing = z.custom<undefined>((value) => value === undefined, `leave it out ${why}`).optional();
  return Object.fromEntries(names.map((name) => [name, nothing])) as Record<Name, typeof nothing>;
}

/** An object of options among the options. The issue for an unknown name has the known ones as its message. */
export function optionGroup<Options extends object>(fields: Fields<Options>): z.ZodType<Options> {
  const names = Object.keys(fields).join(', ');
  return z.strictObject(fields, {
    error: ({ code }) => (code === 'invalid_type' ? `expected { ${names} }` : names),
  }) as z.ZodType<unknown> as z.ZodType<Options>;
}

export function wholeNumber(from: number, to: number): z.ZodType<number> {
  const isWhole = (value: unknown) => Number.isInteger(value) && Number(value) >= from && Number(value) <= to;
  const range =
    to === Number.MAX_SAFE_INTEGER ? `of at least ${from}` : `from ${from} to ${to.toLocaleString('en')}`;
  return expecting(`a whole number ${range}`, isWhole);
}

export function oneOf<const Value extends string>(...values: readonly Value[]): z.ZodType<Value> {
  return expecting(values.map((value) => `'${value}'`).join(' or '), (value) =>
    values.some((allowed) => allowed === value),
  );
}

export function objectWith<T>(what: string, methods: readonly string[]): z.ZodType<T> {
  const hasMethods = (value: unknown) =>
    typeof value === 'object' &&
    value !== null &&
    methods.every((name) => typeof Reflect.get(value, name) === 'function');
  return expecting(`${what} with ${methods.join(', ')}`, hasMethods);
}

export function aFunction<T>(): z.ZodType<T> {
  return expecting('a function', (value) => typeof value === 'function');
}

export const trueOrFalse: z.ZodType<boolean> = expecting(
  'true or false',
  (value) => typeof value === 'boolean',
);

/** A text with something in it that every database can store. */
export const nonBlank: z.ZodType<string> = z.custom<string>(
  (value) => typeof value === 'string' && value.trim() !== '' && isStorable(value),
  {
    error: ({ input }) =>
      typeof input === 'string' && !isStorable(input)
        ? 'expected a text without NUL and without half of a surrogate pair'
        : 'expected a text that is not blank',
  },
);

/** Whether every database can store it, also within JSON. */
export function isStorable(text: string): boolean {
  return !/\0|\p{Surrogate}/u.test(text);
}

/** Describes a value in a few words, for an error message. */
export function describe(value: unknown): string {
  if (value === undefined) return 'nothing';
  if (typeof value === 'string') return JSON.stringify(value.length > 60 ? `${value.slice(0, 60)}…` : value);
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return typeof value === 'function' ? 'a function' : String(value);
}

function problemsOf(issue: z.core.$ZodIssue, input: object, schema: z.ZodType): string[] {
  const place = issue.path.join('.');
  if (issue.code === 'unrecognized_keys') {
    const names = place === '' ? namesIn(schema) : issue.message.split(', '); // of an `optionGroup`
    return issue.keys.map((key) => `${place === '' ? '' : `${place}.`}${key}: ${unknownName(key, names)}`);
  }
  if (place === '') return [issue.message];
  return [`${place}: ${issue.message}, got ${describe(valueAt(input, issue.path))}`];
}

/** What is wrong with a name that is none of `names`: which one it stands for, or else which ones there are. */
function unknownName(name: string, names: readonly string[]): string {
  const near = names.find((known) => isNear(name, known, 1)) ?? names.find((known) => isNear(name, known, 2));
  return `unknown name; ${near === undefined ? `expected one of ${names.join(', ')}` : `did you mean ${near}?`}`;
}

/** Whether so many edits make one text of the other. An edit adds, removes or replaces a character. */
function isNear(a: string, b: string, edits: number): boolean {
  if (a === '' || b === '') return a.length + b.length <= edits;
  const [restA, restB] = [a.slice(1), b.slice(1)];
  if (a[0] === b[0]) return isNear(restA, restB, edits);
  if (edits === 0) return false;
  return isNear(restA, b, edits - 1) || isNear(a, restB, edits - 1) || isNear(restA, restB, edits - 1);
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, key) => (Object(value) as Record<PropertyKey, unknown>)[key], input);
}
