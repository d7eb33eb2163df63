export type { CaseContext, ConformanceCase } from './conformance/conformance-case.js';
export type { QueueFixture, QueueHandler } from './conformance/queue/queue-fixture.js';
export { queueConformance } from './conformance/queue-conformance.js';
export type {
  FixtureInstance,
  FixtureLeftovers,
  FixtureTask,
  RepositoryFixture,
} from './conformance/repository/repository-fixture.js';
export { repositoryConformance } from './conformance/repository-conformance.js';
export type { Fault, FaultPlan, PageFault, PlannedFault, PortCall } from './faults/fault-plan.js';
export { withFaults } from './faults/with-faults.js';
