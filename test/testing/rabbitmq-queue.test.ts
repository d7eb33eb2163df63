import { describeWith } from '../support/servers.js';
import { queueConformanceOf } from './fixtures/queues/queue-conformance-of.js';
import { rabbitmqKit } from './fixtures/queues/rabbitmq.js';

describeWith(['RabbitMQ'], 'the queue of example 7, on RabbitMQ', ({ RabbitMQ: url }) =>
  queueConformanceOf(rabbitmqKit, url),
);
