/** Something that a check has found. */
export interface Finding {
  /** `error`: a run would fail, or write something wrong. `warning`: it may be slow, or may miss, lose or refuse some values. */
  readonly severity: 'error' | 'warning';
  /** The member of the configuration, such as 'metadata.table'. */
  readonly place: string;
  readonly problem: string;
  /** What to do, such as a statement. */
  readonly fix: string;
}

export function error(place: string, problem: string, fix: string): Finding {
  return { severity: 'error', place, problem, fix };
}

export function warning(place: string, problem: string, fix: string): Finding {
  return { severity: 'warning', place, problem, fix };
}

export function sentenceOf({ place, problem, fix }: Finding): string {
  return `${place}: ${problem}. ${fix}`;
}
