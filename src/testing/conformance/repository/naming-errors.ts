import { fixtureError } from '../expectations.js';
import type { RepositoryFixture } from './repository-fixture.js';

type Fixture = RepositoryFixture<unknown>;

/** The same fixture with some methods replaced. If a method rejects, the error says that the fixture has failed. */
export function namingErrors(fixture: Fixture, replaced: Partial<Fixture>): Fixture {
  return new Proxy({} as Fixture, {
    get(_, name) {
      const member: unknown = Reflect.get(replaced, name) ?? Reflect.get(fixture, name);
      if (typeof member !== 'function') return member;
      const method = member.bind(fixture);
      if (!ASYNCHRONOUS.has(name)) return method;
      return async (...values: unknown[]) => {
        try {
          return await method(...values);
        } catch (error) {
          throw fixtureError(String(name), error);
        }
      };
    },
  });
}

/** All but `transaction`, which also rejects with the error of its work. */
const ASYNCHRONOUS: ReadonlySet<string | symbol> = new Set<keyof Fixture>([
  'insertInstances',
  'insertTogether',
  'deleteInstance',
  'addTask',
  'setMetadata',
  'deleteMetadata',
  'metadata',
  'breakTaskData',
  'clear',
  'close',
]);
