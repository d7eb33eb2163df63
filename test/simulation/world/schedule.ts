/** A process, or something outside of all processes. Nothing that belongs to it happens while it is stalled. */
export interface Owner {
  stalledUntil: number;
}

/** Something that will happen. */
export interface Pending {
  readonly owner: Owner;
  /** Virtual milliseconds. */
  readonly dueAt: number;
  /** Whether it can happen now, once it is due. @default always */
  isPossible?(): boolean;
  happen(): void;
}

/** Virtual time, and the list of everything that will happen. The simulation decides what happens next. */
export interface Schedule {
  readonly now: number;
  has(owner: Owner): boolean;
  add(pending: Pending): Pending;
  remove(pending: Pending): void;
  removeAll(owner: Owner): readonly Pending[];
  /** Lets this time pass. */
  pass(ms: number): void;
  /** What may happen now, in the order in which it was added. */
  ready(): readonly Pending[];
  /** Moves the time to the next moment when something is due. Returns `false` if nothing is. */
  skipIdleTime(): boolean;
}

export function createSchedule(startAt: number): Schedule {
  const list: Pending[] = [];
  let now = startAt;
  const dueAt = ({ dueAt: at, owner }: Pending): number => Math.max(at, owner.stalledUntil);

  return {
    get now() {
      return now;
    },
    has: (owner) => list.some((pending) => pending.owner === owner),
    add(pending) {
      list.push(pending);
      return pending;
    },
    remove(pending) {
      const index = list.indexOf(pending);
      if (index >= 0) list.splice(index, 1);
    },
    removeAll(owner) {
      const removed = list.filter((pending) => pending.owner === owner);
      if (removed.length > 0) {
        const kept = list.filter((pending) => pending.owner !== owner);
        list.splice(0, list.length, ...kept);
      }
      return removed;
    },
    pass(ms) {
      now += ms;
    },
    ready() {
      return list.filter((pending) => dueAt(pending) <= now && (pending.isPossible?.() ?? true));
    },
    skipIdleTime() {
      let next = Number.POSITIVE_INFINITY;
      for (const pending of list) {
        const at = dueAt(pending);
        if (at > now && at < next) next = at;
      }
      if (next === Number.POSITIVE_INFINITY) return false;
      now = next;
      return true;
    },
  };
}
