/** A deliberate defect. It must break at least one of these invariants. */
export interface Mutant {
  readonly name: string;
  readonly breaks: readonly number[];
  readonly edits: readonly Edit[];
}

/** `file` must contain `find` exactly once. Otherwise a mutant could lose its effect without anyone noticing. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}
