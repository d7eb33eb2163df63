export type { CaseContext, ConformanceCase } from './conformance/conformance-case.js';
export type { QueueFixture, QueueHandler } from './conformance/queue/queue-fixture.js';
export { queueConformance } from './conformance/queue-conformance.js';
export type {
  FixtureInstance,
  FixtureTask,
  RepositoryFixture,
} from './conformance/repository/repository-fixture.js';
export { repositoryConformance } from './conformance/repository-conformance.js';
export type { Fault, FaultPlan, PageFault, PlannedFault, PortCall } from './faults/fault-plan.js';
export { withFaults } from './faults/with-faults.js';
export { checkInvariants, type Violation } from './simulation/check-invariants.js';
export { countExercised, type Exercised } from './simulation/count-exercised.js';
export { explainFailure } from './simulation/explain-failure.js';
export type {
  CallEvent,
  CallMethod,
  CommitEvent,
  History,
  HistoryEvent,
  LiveEvent,
  PortEvent,
  QueueEvent,
  Row,
  Rows,
  SeenInstance,
  StoreRules,
  TaskState,
  WrittenRow,
} from './simulation/history.js';
export type { HeaderView, RecordReader, ShardView } from './simulation/read-record.js';
export { type Simulation, type SimulationOptions, simulate } from './simulation/simulate.js';
