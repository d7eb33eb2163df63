import { describeWith } from '../support/servers.js';
import { pgBossKit } from './fixtures/queues/pg-boss.js';
import { queueConformanceOf } from './fixtures/queues/queue-conformance-of.js';

describeWith(['PostgreSQL'], 'the queue of example 4, on pg-boss', ({ PostgreSQL: url }) =>
  queueConformanceOf(pgBossKit, url),
);
