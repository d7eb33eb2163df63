import type { Choices } from '../choices.js';
import type { HistoryEvent } from '../history.js';
import type { World } from './draw-world.js';
import type { Owner, Schedule } from './schedule.js';

/** What a world is made of before anybody acts in it. */
export interface Stage {
  readonly world: World;
  readonly choices: Choices;
  readonly schedule: Schedule;
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
