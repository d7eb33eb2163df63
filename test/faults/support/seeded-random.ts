/** Dice that fall the same way for the same seed (mulberry32). */
export interface SeededRandom {
  /** From 0 up to 1, exclusive. */
  next(): number;
  /** A whole number from `least` to `most`. */
  between(least: number, most: number): number;
  pick<Item>(items: readonly Item[]): Item;
  shuffled<Item>(items: readonly Item[]): Item[];
}

/** With the seed that `FAULT_SEED` names, or a new one; it is printed, so that a failure can be repeated. */
export function seededRandom(title: string): SeededRandom {
  const seed = Number(process.env.FAULT_SEED) || Math.floor(Math.random() * 2 ** 31) + 1;
  console.log(`${title}: FAULT_SEED=${seed}`);
  return randomFrom(seed);
}

export function randomFrom(seed: number): SeededRandom {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const between = (least: number, most: number): number => least + Math.floor(next() * (most - least + 1));
  return {
    next,
    between,
    pick(items) {
      const item = items[between(0, items.length - 1)];
      if (item === undefined) throw new RangeError('there is nothing to pick from');
      return item;
    },
    shuffled(items) {
      const cards = [...items];
      return items.flatMap(() => cards.splice(between(0, cards.length - 1), 1));
    },
  };
}
