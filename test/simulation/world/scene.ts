import type { SimulatedBroker } from './simulated-broker.js';
import type { SimulatedStore } from './simulated-store.js';
import type { Stage } from './stage.js';

/** What everybody in a world shares. */
export interface Scene extends Stage {
  readonly store: SimulatedStore;
  readonly broker: SimulatedBroker;
}
