import type { Choices } from './choices.js';
import type { World } from './draw-world.js';
import type { HistoryEvent } from './history.js';
import type { Owner, Schedule } from './schedule.js';
import type { SimulatedBroker } from './simulated-broker.js';
import type { SimulatedStore } from './simulated-store.js';

/** What everybody in a world shares. */
export interface Scene {
  readonly world: World;
  readonly choices: Choices;
  readonly schedule: Schedule;
  readonly store: SimulatedStore;
  readonly broker: SimulatedBroker;
  /** Nothing fails any more. */
  readonly isCalm: boolean;
  /** Every run has ended: nobody sweeps or operates any more. */
  readonly isOver: boolean;
  /** The owner of timers that no process can stop. */
  readonly outside: Owner;
  /** The owner of calls whose sender knows nothing of them any more. */
  readonly network: Owner;
  record(event: HistoryEvent): void;
  nextCall(): number;
  /** For the library's own dice: ids and jitter, which decide nothing. */
  random(): number;
}
