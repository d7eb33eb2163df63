/** The dice of a world. What they showed is kept, and can be thrown again. */
export interface Choices {
  /** So far, in order. */
  readonly made: readonly number[];
  /** From 0 up to `count`, exclusive. By convention 0 is the quietest that can happen. */
  pick(count: number): number;
  /** An index of `weights`, as often as its weight says. */
  weighted(weights: readonly number[]): number;
  /** True so many times in a thousand. */
  chance(perMille: number): boolean;
  oneOf<const Item>(items: readonly [Item, ...Item[]]): Item;
}

/** Dice that show the same for the same seed. */
export function seededChoices(seed: number): Choices {
  const random = randomFrom(seed);
  return recorded({
    pick: (count) => Math.floor(random() * count),
    weighted(weights) {
      let left = random() * weights.reduce((sum, weight) => sum + weight, 0);
      const index = weights.findIndex((weight) => {
        left -= weight;
        return left < 0;
      });
      return Math.max(0, index);
    },
  });
}

/** Dice that show what is in the list, and 0 when that has come to its end. */
export function replayedChoices(list: readonly number[]): Choices {
  let place = 0;
  const next = (count: number): number => {
    const choice = list[place] ?? 0;
    place += 1;
    return choice % count;
  };
  return recorded({ pick: next, weighted: (weights) => next(weights.length) });
}

/** Numbers from 0 up to 1, exclusive, that depend on nothing but the seed. */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function recorded(dice: Pick<Choices, 'pick' | 'weighted'>): Choices {
  const made: number[] = [];
  const keep = (choice: number): number => {
    made.push(choice);
    return choice;
  };
  const pick = (count: number): number => (count <= 1 ? 0 : keep(dice.pick(count)));
  return {
    made,
    pick,
    weighted: (weights) => keep(dice.weighted(weights)),
    chance: (perMille) => perMille > 0 && keep(dice.weighted([1000 - perMille, perMille])) === 1,
    oneOf: (items) => items[pick(items.length)] ?? items[0],
  };
}
