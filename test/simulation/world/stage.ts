import type { Choices } from '../choices.js';
import type { HistoryEvent } from '../history.js';
import type { World } from './draw-world.js';
import type { Owner, Schedule } from './schedule.js';

/** The part of a scene that exists before the store and the broker. */
export interface Stage {
  readonly world: World;
  readonly choices: Choices;
  readonly schedule: Schedule;
  /** Nothing fails any more. */
  readonly isCalm: boolean;
  /** Every run has ended. Nobody sweeps or operates any more. */
  readonly isOver: boolean;
  /** The owner of what happens outside of all processes. */
  readonly outside: Owner;
  /** The owner of calls that land late. */
  readonly network: Owner;
  /** Returns the index of the event. */
  record(event: HistoryEvent): number;
  nextCall(): number;
  /** Random numbers for the library's ids and jitter. They decide nothing. */
  random(): number;
}
