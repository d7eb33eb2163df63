import type { JsonValue } from '../../../src/extraction/json-value.js';
import type { PlannedRequest } from './draw-world.js';
import { openSlot, type ProcessSlot } from './process-slot.js';
import { requestFor } from './request-plans.js';
import type { Scene } from './scene.js';
import { beginTransaction } from './stored-records.js';

/** The processes that request backfills. Each tries until its request succeeds. */
export interface Hosts {
  readonly slots: readonly ProcessSlot[];
  /** Whether every request has succeeded. */
  readonly areDone: boolean;
}

const RETRY_MS = 300;
/** How long a host's transaction stays open after its request. */
const OPEN_MS = 150;

export function startHosts(scene: Scene): Hosts {
  const { world, schedule, outside } = scene;
  const hosts = world.requests.map((plan, index) => {
    let isDone = false;
    const ask = (): void => request(scene, slot, plan, () => (isDone = true), askLater);
    const askLater = (): void => {
      schedule.add({ owner: outside, dueAt: schedule.now + RETRY_MS, happen: ask });
    };
    const slot: ProcessSlot = openSlot(scene, `host-${index + 1}`, {
      onRestart() {
        if (!isDone) askLater();
      },
    });
    schedule.add({ owner: slot.process.owner, dueAt: schedule.now + plan.atMs, happen: ask });
    return {
      slot,
      get isDone() {
        return isDone;
      },
    };
  });
  return {
    slots: hosts.map(({ slot }) => slot),
    get areDone() {
      return hosts.every(({ isDone }) => isDone);
    },
  };
}

function request(
  scene: Scene,
  { process }: ProcessSlot,
  plan: PlannedRequest,
  onDone: () => void,
  onFailure: () => void,
): void {
  if (!process.isIdle) return;
  const { schedule, store } = scene;
  const { service, owner } = process;
  const { kind, delayMs, transaction: scope } = plan;
  const what = { ...requestFor(plan), requestedBy: process.name, reason: kind };
  const startAfter = delayMs === 0 ? {} : { startAfter: new Date(schedule.now + delayMs) };

  async function perform(): Promise<unknown> {
    if (scope === 'none') return service.request({ ...what, ...startAfter });
    const transaction = beginTransaction(scope === 'whole');
    const { call } = process;
    const result = await service.request({ ...what, ...startAfter, transaction });
    await new Promise<void>((resolve) => {
      schedule.add({ owner, dueAt: schedule.now + OPEN_MS, happen: resolve });
    });
    store.commitTransaction(call, transaction);
    return result;
  }
  const asked = JSON.parse(JSON.stringify({ kind, scope, ...what, ...startAfter })) as JsonValue;
  process.invoke('request', asked, perform, (outcome) => ('answer' in outcome ? onDone() : onFailure()));
}
