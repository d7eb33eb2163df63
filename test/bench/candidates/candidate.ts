import type { BenchDatabase } from '../open-database.js';
import type { Scenario } from '../scenario.js';

/** A way to fill metadata into the first instances of the bench's model. */
export interface Candidate {
  readonly name: string;
  /** Slow ones are given fewer instances, and compared by their time for one. */
  readonly most: number;
  /** Whether it answers another question than how fast instances are filled; not in the chart. @default false */
  readonly isAside?: boolean;
  /** Whether the work is done elsewhere, so that this process cannot tell how much there is. @default false */
  readonly isElsewhere?: boolean;
  /** `null`: not on this machine. Between `open` and `close`, `run` may be called any number of times. */
  open(database: BenchDatabase, scenario: Scenario): Promise<OpenCandidate | null>;
}

export interface OpenCandidate {
  /** Fills the instances before `run`, and is not measured. @default none are filled */
  fill?(instances: number): Promise<void>;
  run(instances: number): Promise<void>;
  close?(): Promise<void>;
}
