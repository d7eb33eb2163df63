import type { LiveInstances } from './live-instances.js';
import type { Outages } from './outages.js';
import type { SimulatedBroker } from './simulated-broker.js';
import type { SimulatedStore } from './simulated-store.js';
import type { Stage } from './stage.js';

/** Everything that the actors of a world share. */
export interface Scene extends Stage {
  readonly store: SimulatedStore;
  readonly broker: SimulatedBroker;
  readonly outages: Outages;
  readonly live: LiveInstances;
}
