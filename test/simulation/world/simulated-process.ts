import { AsyncLocalStorage } from 'node:async_hooks';
import type { JsonValue } from '../../../src/extraction/json-value.js';
import { type BackfillService, createBackfillService, isBackfillError } from '../../../src/index.js';
import type { BackfillLogger } from '../../../src/ports/logger.js';
import type { Runtime } from '../../../src/ports/runtime.js';
import type { Throttle } from '../../../src/ports/throttle.js';
import type { TuningOptions } from '../../../src/run/options/tuning-options.js';
import type { CallMethod } from '../history.js';
import { NEWER, OLDER } from './newer-version.js';
import type { Scene } from './scene.js';
import type { Owner } from './schedule.js';
import { portsOf, type Sent, type SimulatedPorts } from './simulated-ports.js';
import type { HostTransaction } from './stored-records.js';

/** How a call of the library ended: its answer, or the error that it threw. */
export type Outcome = { readonly answer: unknown } | { readonly error: unknown };

/** A process of the host. It makes one call of the library at a time. */
export interface SimulatedProcess {
  readonly name: string;
  readonly owner: Owner;
  readonly isAlive: boolean;
  readonly isIdle: boolean;
  readonly call: number;
  /** The newest format of records and jobs that it can read. */
  readonly format: number;
  readonly ports: SimulatedPorts;
  readonly tuning: TuningOptions;
  readonly service: BackfillService<HostTransaction>;
  /** Makes a call of the library. `then` gets its outcome, unless the process crashes before. */
  invoke(
    method: CallMethod,
    argument: JsonValue,
    perform: () => Promise<unknown>,
    then?: (outcome: Outcome) => void,
  ): void;
  /** Asks for the status of a run, beside the call that it makes. Does nothing while an earlier one is unanswered. */
  glance(runId: string): void;
  abort(): void;
  readonly signal: AbortSignal;
  /** Ends the process at once. None of its promises settles any more. */
  crash(): void;
}

export function startProcess(
  scene: Scene,
  name: string,
  { batchSize, onCrash }: { readonly batchSize?: TuningOptions['batchSize']; onCrash?(): void } = {},
): SimulatedProcess {
  const { world, schedule, choices } = scene;
  const owner: Owner = { stalledUntil: 0 };
  let isAlive = true;
  let isIdle = true;
  let isGlancing = false;
  let call = 0;
  let controller = new AbortController();

  const runtime: Runtime = {
    now: () => schedule.now,
    random: () => scene.random(),
    sleep(ms, signal) {
      return new Promise((resolve, reject) => {
        if (signal?.aborted === true) return reject(signal.reason);
        const timer = schedule.add({
          owner,
          dueAt: schedule.now + ms,
          happen() {
            signal?.removeEventListener('abort', wake);
            resolve();
          },
        });
        function wake(): void {
          schedule.remove(timer);
          reject(signal?.reason);
        }
        signal?.addEventListener('abort', wake, { once: true });
      });
    },
  };
  const throttle: Throttle = () => {
    if (scene.isCalm || !choices.chance(world.throttled)) return null;
    return { reason: 'the host is busy', retryAfterMs: 1 + choices.pick(world.longestHoldMs) };
  };
  const tuning: TuningOptions = {
    batchSize: batchSize ?? world.batchSizes[0],
    sliceMs: world.sliceMs ?? undefined,
    settleMs: world.settleMs,
    retry: { attempts: world.attempts, initialDelayMs: world.retryMs, maxDelayMs: 10 * world.retryMs },
    ...(world.throttled > 0 ? { throttle } : {}),
    maxInstancesPerSecond: world.maxInstancesPerSecond ?? undefined,
    runtime,
    logger: SILENT,
  };
  // Hosts are of the newest version: what an older one cannot read it cannot take into account.
  const isOlder = !name.startsWith('host') && choices.chance(world.older);
  const formatNow = (): number => (world.older === 0 || (isOlder && !scene.isCalm) ? OLDER : NEWER);
  const ports = portsOf(scene, {
    owner,
    get call() {
      return glances.getStore() ?? call;
    },
    get format() {
      return formatNow();
    },
    crash,
  });
  const createService = (): BackfillService<HostTransaction> =>
    createBackfillService<HostTransaction>({
      ...{ repository: ports.repository, queue: ports.queue },
      ...tuning,
      transactional: true,
      maxFailures: world.maxFailures ?? undefined,
      shards: world.shards,
    });
  let service = createService();

  function recordOutcome(of: number, outcome: Outcome): void {
    if (!isAlive) return;
    if ('answer' in outcome)
      scene.record({ type: 'return', call: of, answer: (outcome.answer ?? null) as JsonValue });
    else scene.record({ type: 'throw', call: of, ...errorOf(outcome.error) });
  }

  function crash(): void {
    isAlive = false;
    scene.record({ type: 'crash', process: name, call: isIdle ? null : call });
    for (const pending of schedule.removeAll(owner)) {
      const { landLate } = pending as Sent;
      if (landLate !== undefined && choices.chance(500)) landLate();
    }
    onCrash?.();
  }

  return {
    name,
    owner,
    ports,
    tuning,
    get service() {
      return service;
    },
    get isAlive() {
      return isAlive;
    },
    get isIdle() {
      return isAlive && isIdle;
    },
    get call() {
      return call;
    },
    get format() {
      return formatNow();
    },
    get signal() {
      return controller.signal;
    },
    invoke(method, argument, perform, then) {
      call = scene.nextCall();
      isIdle = false;
      controller = new AbortController();
      if (isOlder && scene.isCalm) service = createService(); // it has been updated
      const format = formatNow();
      scene.record({ type: 'call', call, process: name, method, argument, now: schedule.now, format });
      const settle = (outcome: Outcome): void => {
        if (!isAlive) return;
        isIdle = true;
        recordOutcome(call, outcome);
        then?.(outcome);
      };
      perform().then(
        (answer) => settle({ answer }),
        (error) => settle({ error }),
      );
    },
    glance(runId) {
      if (isGlancing) return;
      isGlancing = true;
      const own = scene.nextCall();
      const begun = { process: name, now: schedule.now, format: formatNow() };
      scene.record({ type: 'call', call: own, method: 'status', argument: { runId }, ...begun });
      glances
        .run(own, () => service.status(runId))
        .then(
          (answer) => recordOutcome(own, { answer }),
          (error) => recordOutcome(own, { error }),
        )
        .then(() => {
          isGlancing = false;
        });
    },
    abort() {
      scene.record({ type: 'abort', call });
      controller.abort(new Error('The worker shuts down.'));
    },
    crash,
  };
}

/** The call of the glance whose code is running. */
const glances = new AsyncLocalStorage<number>();

/** Call this after each world. Otherwise Node.js tracks every promise of the next worlds, which is slow. */
export function forgetGlances(): void {
  glances.disable();
}

const SILENT: BackfillLogger = { info() {}, warn() {}, error() {} };

function errorOf(error: unknown) {
  const known = isBackfillError(error) ? error : null;
  return {
    name: error instanceof Error ? error.name : typeof error,
    code: known?.code ?? null,
    message: error instanceof Error ? error.message : String(error),
    retryable: known?.retryable ?? true,
  };
}
