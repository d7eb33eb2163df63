/** The random choices of a world. They are recorded and can be replayed. */
export interface Choices {
  /** All choices so far, in order. */
  readonly made: readonly number[];
  /** A whole number from 0 up to `count`, exclusive. By convention 0 is the choice with the least effect. */
  pick(count: number): number;
  /** An index of `weights`. A greater weight makes its index more likely. */
  weighted(weights: readonly number[]): number;
  /** True in `perMille` of 1,000 cases. */
  chance(perMille: number): boolean;
  /** One of the items. */
  oneOf<const Item>(items: readonly [Item, ...Item[]]): Item;
}

/** Choices that depend only on the seed. */
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

/** The choices in the list. After its end, every choice is 0. */
export function replayedChoices(list: readonly number[]): Choices {
  let place = 0;
  const next = (count: number): number => {
    const choice = list[place] ?? 0;
    place += 1;
    return choice % count;
  };
  return recorded({ pick: next, weighted: (weights) => next(weights.length) });
}

/** Numbers from 0 up to 1, exclusive, that depend only on the seed. */
export function randomFrom(seed: number): () => number {
  let state = Math.imul(seed ^ 0x5bd1e995, 0x9e3779b1) >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

function recorded(source: Pick<Choices, 'pick' | 'weighted'>): Choices {
  const made: number[] = [];
  const keep = (choice: number): number => {
    made.push(choice);
    return choice;
  };
  const pick = (count: number): number => (count <= 1 ? 0 : keep(source.pick(count)));
  return {
    made,
    pick,
    weighted: (weights) => keep(source.weighted(weights)),
    chance: (perMille) => perMille > 0 && keep(source.weighted([1000 - perMille, perMille])) === 1,
    oneOf: (items) => items[pick(items.length)] ?? items[0],
  };
}
