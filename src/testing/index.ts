export type { CaseContext, ConformanceCase } from './conformance/conformance-case.js';
export type {
  FixtureInstance,
  FixtureTask,
  RepositoryFixture,
} from './conformance/repository/repository-fixture.js';
export { repositoryConformance } from './conformance/repository-conformance.js';
