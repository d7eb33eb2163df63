export {
  createInProcessQueue,
  type InProcessQueue,
  type InProcessQueueOptions,
  type JobHandler,
} from './create-in-process-queue.js';
export {
  createMemoryRepository,
  type MemoryInstance,
  type MemoryRepository,
  type MemoryTask,
} from './create-memory-repository.js';
