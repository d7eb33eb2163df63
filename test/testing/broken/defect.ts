import type { Rules } from './rules.js';

/** One mistake of a repository. */
export interface Defect {
  readonly title: string;
  /** The rules that differ from `SOUND`. Called once per repository. */
  readonly rules: () => Partial<Rules>;
  /** How the names of the failing cases begin. No other case fails. */
  readonly breaks: readonly string[];
}
