import type { InstanceId } from '../../ports/repository.js';
import {
  assertCreate,
  assertFixture,
  type ConformanceCase,
  conformanceCase,
  type FixtureShape,
} from './conformance-case.js';
import { clearingPromises } from './repository/clearing-promises.js';
import { commitPromises } from './repository/commit-promises.js';
import { concurrencyPromises } from './repository/concurrency-promises.js';
import { cursorPromises } from './repository/cursor-promises.js';
import { lockPromises } from './repository/lock-promises.js';
import { movedPromises } from './repository/moved-promises.js';
import { recordPromises } from './repository/record-promises.js';
import type { RepositoryFixture } from './repository/repository-fixture.js';
import { rowPromises } from './repository/row-promises.js';
import { settledPromises } from './repository/settled-promises.js';
import { similarPagePromises } from './repository/similar-page-promises.js';
import { snapshotPromises } from './repository/snapshot-promises.js';
import { taskDataPromises } from './repository/task-data-promises.js';
import { type Findings, testedRepository } from './repository/tested-repository.js';
import { textPromises } from './repository/text-promises.js';
import { transactionPromises } from './repository/transaction-promises.js';
import { walkPromises } from './repository/walk-promises.js';
import { writePromises } from './repository/write-promises.js';

const FIXTURE: FixtureShape = {
  type: 'RepositoryFixture',
  port: 'repository',
  portMethods: ['surveyInstances', 'readInstances', 'commit', 'loadRun', 'findRuns'],
  methods: ['insertInstances', 'deleteInstance', 'addTask', 'setMetadata', 'deleteMetadata', 'metadata'],
};

const PROMISES = [
  ...walkPromises,
  ...cursorPromises,
  ...similarPagePromises,
  ...taskDataPromises,
  ...rowPromises,
  ...snapshotPromises,
  ...writePromises,
  ...clearingPromises,
  ...commitPromises,
  ...movedPromises,
  ...lockPromises,
  ...concurrencyPromises,
  ...recordPromises,
  ...textPromises,
  ...transactionPromises,
  ...settledPromises,
];

/**
 * Returns the promises of `BackfillRepository`, as one case each for any test runner. `create` is called once per case.
 * It may use one database for all cases, because each case uses its own process models and runs.
 * @throws {InvalidInputError} when `create` is no function.
 *
 * @example
 * for (const c of repositoryConformance(createFixture)) test(c.name, c.run); // vitest, node:test
 */
export function repositoryConformance<Transaction, Id extends InstanceId>(
  create: () => RepositoryFixture<Transaction, Id> | Promise<RepositoryFixture<Transaction, Id>>,
): readonly ConformanceCase[] {
  assertCreate(create, FIXTURE);
  const findings: Findings = {};
  const open = async () => {
    const created: unknown = await create();
    assertFixture(created, FIXTURE);
    const subject = testedRepository(created as RepositoryFixture<unknown>, findings);
    return { subject, close: () => subject.close() };
  };
  return PROMISES.map((promise) => conformanceCase(promise, open));
}
