export type { JobHandler } from '../ports/queue.js';
export {
  createInProcessQueue,
  type InProcessQueue,
  type InProcessQueueOptions,
} from './create-in-process-queue.js';
export {
  createMemoryRepository,
  type MemoryInstance,
  type MemoryRepository,
  type MemoryTask,
} from './create-memory-repository.js';
