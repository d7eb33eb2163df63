import { once } from 'node:events';
import { setTimeout } from 'node:timers/promises';
import type { BackfillQueue } from '../../ports/queue.js';
import type { BackfillRepository, PageEntry, PageQuery } from '../../ports/repository.js';
import { cutPage } from '../../run/calls/page-entries.js';
import {
  checkPlan,
  type Fault,
  type FaultPlan,
  faultFor,
  METHODS,
  type PageFault,
  type PortCall,
} from './fault-plan.js';

/**
 * Returns a repository or queue that behaves like `port`, except for the faults in the plan. `port` itself is not
 * changed. All other members stay as they are, also getters and the methods of a class.
 * @throws {InvalidInputError} when the plan names a method or a fault that there is not.
 * @example
 * withFaults(repository, [{ on: 'commit', nth: 3, fault: 'fail-after' }]);
 * withFaults(queue, ({ nth }) => (nth % 2 === 0 ? { fault: 'delay', ms: 50 } : null));
 */
export function withFaults<Port extends BackfillRepository<never> | BackfillQueue<never>>(
  port: Port,
  plan: FaultPlan,
): Port {
  checkPlan(plan);
  const counts = new Map<PropertyKey, number>();
  let isCrashed = false;

  async function call(method: PortCall['method'], args: readonly unknown[]): Promise<unknown> {
    const nth = (counts.get(method) ?? 0) + 1;
    counts.set(method, nth);
    const proceed = async (...given: readonly unknown[]): Promise<unknown> =>
      Reflect.apply(Reflect.get(port, method) as () => unknown, port, given);
    if (isCrashed) return never();
    const fault = faultFor(plan, { method, nth, argument: args[0] } as PortCall);
    if (fault === null) return proceed(...args);
    switch (fault.fault) {
      case 'fail-before':
        throw errorOf(fault);
      case 'fail-after':
        await proceed(...args);
        throw errorOf(fault);
      case 'hang':
        await Promise.race([fault.until ?? never(), aborted(args[0])]);
        return proceed(...args);
      case 'delay':
        await setTimeout(fault.ms);
        return proceed(...args);
      case 'crash-after':
        await proceed(...args);
        return crash(fault);
      case 'crash-before':
        return crash(fault);
      default:
        return spoiledPage(fault.fault, method, args, proceed);
    }
  }

  function crash({ onCrash }: Extract<Fault, { onCrash?(): void }>): Promise<never> {
    isCrashed = true;
    onCrash?.();
    return never();
  }

  // The target is a new object. A proxy of a frozen port could not answer with other methods.
  return new Proxy({} as Port, {
    get(_, property) {
      const member: unknown = Reflect.get(port, property);
      if (typeof member !== 'function') return member;
      if (!isPortMethod(property)) return member.bind(port);
      return (...args: readonly unknown[]) => call(property, args);
    },
    has: (_, property) => Reflect.has(port, property),
    ownKeys: () => Reflect.ownKeys(port),
    getPrototypeOf: () => Reflect.getPrototypeOf(port),
    getOwnPropertyDescriptor(_, property) {
      const descriptor = Reflect.getOwnPropertyDescriptor(port, property);
      return descriptor && { ...descriptor, configurable: true };
    },
  });
}

function isPortMethod(property: PropertyKey): property is PortCall['method'] {
  return (METHODS as readonly PropertyKey[]).includes(property);
}

function never(): Promise<never> {
  return new Promise(() => {});
}

function errorOf({ error }: { readonly error?: unknown }): unknown {
  return (
    error ?? Object.assign(new Error('the connection was lost (a planned fault)'), { code: 'ECONNRESET' })
  );
}

/** Rejects when the signal of a query is aborted. */
async function aborted(argument: unknown): Promise<never> {
  const { signal } = Object(argument) as { readonly signal?: AbortSignal };
  if (signal === undefined) return never();
  if (!signal.aborted) await once(signal, 'abort');
  throw signal.reason;
}

async function spoiledPage(
  fault: PageFault,
  method: PortCall['method'],
  [argument, ...rest]: readonly unknown[],
  proceed: (...args: readonly unknown[]) => Promise<unknown>,
): Promise<unknown> {
  if (method !== 'readInstances')
    throw new TypeError(`${fault} is a fault of readInstances, not of ${method}`);
  const query = argument as PageQuery;
  const isBackward = fault === 'backward-page';
  const answer = await proceed(isBackward ? { ...query, after: null } : query, ...rest);
  const page = answer as readonly PageEntry[];
  switch (fault) {
    case 'empty-page':
      return [];
    case 'short-page':
      return page.slice(0, Math.ceil(page.length / 2));
    case 'repeating-page':
      return cutPage([...page.slice(0, 1), ...page], query.limit);
    case 'unordered-page':
      return page.toReversed();
    case 'backward-page':
      return page;
  }
}
