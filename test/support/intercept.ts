import type { BackfillRepository } from '../../src/index.js';

type Method = 'surveyInstances' | 'readInstances' | 'commit' | 'loadRun' | 'findRuns';

/** Around a call: `proceed` makes it take effect. */
export type Around = (call: {
  readonly method: Method;
  /** Of this method, from 1 on. */
  readonly count: number;
  readonly argument: never;
  proceed(): Promise<unknown>;
}) => Promise<unknown>;

/** The same repository, with `around` in the way of every call. */
export function intercept<Repository extends BackfillRepository>(
  repository: Repository,
  around: Around,
): Repository {
  const counts = new Map<Method, number>();
  const through = (method: Method) => (argument: never, options: never) => {
    const count = (counts.get(method) ?? 0) + 1;
    counts.set(method, count);
    const proceed = () =>
      Reflect.apply(repository[method], repository, [argument, options]) as Promise<unknown>;
    return around({ method, count, argument, proceed });
  };
  return {
    ...repository,
    surveyInstances: through('surveyInstances'),
    readInstances: through('readInstances'),
    commit: through('commit'),
    loadRun: through('loadRun'),
    findRuns: through('findRuns'),
  };
}

/** An error as a database driver throws it. */
export function databaseError(code: string, message = `database error ${code}`): Error {
  return Object.assign(new Error(message), { code });
}
