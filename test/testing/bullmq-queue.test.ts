import { describeWith } from '../support/servers.js';
import { bullmqKit } from './fixtures/queues/bullmq.js';
import { queueConformanceOf } from './fixtures/queues/queue-conformance-of.js';

describeWith(['Redis'], 'the queue of example 5, on BullMQ', ({ Redis: url }) =>
  queueConformanceOf(bullmqKit, url),
);
