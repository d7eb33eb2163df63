import type { Rules } from './rules.js';

/** One thing that an adapter does otherwise than it should. */
export interface Defect {
  readonly title: string;
  /** For a repository of its own. */
  readonly rules: () => Partial<Rules>;
  /** How the names begin of the cases that fail, and of no other. */
  readonly breaks: readonly string[];
}
