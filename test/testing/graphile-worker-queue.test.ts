import { describeWith } from '../support/servers.js';
import { graphileWorkerKit } from './fixtures/queues/graphile-worker.js';
import { queueConformanceOf } from './fixtures/queues/queue-conformance-of.js';

describeWith(['PostgreSQL'], 'the queue of example 6, on Graphile Worker', ({ PostgreSQL: url }) =>
  queueConformanceOf(graphileWorkerKit, url),
);
