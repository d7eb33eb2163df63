import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ExtractionPath } from '../../../src/index.js';
import type { CompiledCheckout } from './compiled-checkout.js';
import { eventually } from './eventually.js';
import type { FaultHost } from './fault-host.js';

/** What a process is told to request, once. */
export interface RequestOrder {
  /** Of the request. In a transaction of the host, the host notes it. */
  readonly number: number;
  readonly processModelId: string;
  readonly paths: readonly ExtractionPath[];
  readonly mode: 'fill' | 'overwrite';
  /** Of the host's transaction, the first time. `null`: the request is made alone. */
  readonly isolation: Isolation | null;
  /** Whether it kills itself when the request is stored, but its job is not. */
  readonly diesBeforeJob: boolean;
}

export type Isolation = 'read committed' | 'repeatable read';

export interface AcceptedRequest {
  readonly runId: string;
  readonly created: boolean;
  /** How often the host had to begin its transaction again. */
  readonly refusals: number;
}

export type RequestAnswer = AcceptedRequest | { readonly failed: string };

/** How a requester reaches the host. */
export interface RequesterOrders {
  readonly name: string;
  readonly postgresUrl: string;
  /** By which its sessions are known. */
  readonly applicationName: string;
}

export interface RequesterProcess {
  ready(): Promise<void>;
  /** `null`: it was killed before it could answer. */
  request(order: RequestOrder): Promise<RequestAnswer | null>;
  /** Resolves when nothing that it began is under way any more. */
  kill(): Promise<void>;
}

let started = 0;

export function startRequester(compiled: CompiledCheckout, host: FaultHost): RequesterProcess {
  started += 1;
  const applicationName = `${host.name}_${started}`;
  const orders: RequesterOrders = { name: host.name, postgresUrl: host.url, applicationName };
  const child = fork(compiled.pathOf('test/faults/support/requester-main.ts'), {
    env: { ...process.env, REQUESTER_ORDERS: JSON.stringify(orders) },
  });
  const ended = once(child, 'close').then(() => null);
  const readiness = Promise.race([message(child), ended]);
  const sessions = 'select from pg_stat_activity where application_name = $1';
  return {
    async ready() {
      if ((await readiness) === null) throw new Error('the requester ended before it was ready');
    },
    request(order) {
      const answer = message<RequestAnswer>(child);
      child.send(order);
      return Promise.race([answer, ended]);
    },
    async kill() {
      child.kill('SIGKILL');
      await ended;
      await eventually(async () => (await host.query(sessions, [applicationName])).length === 0);
    },
  };
}

async function message<Message>(child: ChildProcess): Promise<Message> {
  const [told] = await once(child, 'message');
  return told;
}
