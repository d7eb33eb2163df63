/**
 * Looks for the shortest list of choices that still fails, and for the lowest choices. It cuts off the end, leaves out
 * parts and lowers single choices.
 * @param trials the most calls of `fails`
 */
export async function shrinkChoices(
  choices: readonly number[],
  fails: (choices: readonly number[]) => Promise<boolean>,
  trials = 600,
): Promise<readonly number[]> {
  let best = withoutZerosAtEnd(choices);
  let left = trials;

  async function keepIfFailing(candidate: readonly number[]): Promise<boolean> {
    const shorter = withoutZerosAtEnd(candidate);
    if (left <= 0 || !isSmaller(shorter, best)) return false;
    left -= 1;
    if (!(await fails(shorter))) return false;
    best = shorter;
    return true;
  }

  async function cutEnd(): Promise<void> {
    for (let size = Math.ceil(best.length / 2); size >= 1 && left > 0; size = Math.floor(size / 2)) {
      while (best.length >= size && (await keepIfFailing(best.slice(0, -size)))) {
        // until it no longer fails
      }
    }
  }

  async function changeParts(change: (part: readonly number[]) => readonly number[]): Promise<void> {
    for (let size = 64; size >= 1 && left > 0; size = Math.floor(size / 2)) {
      for (let from = best.length - size; from >= 0 && left > 0; from -= size) {
        const part = best.slice(from, from + size);
        await keepIfFailing([...best.slice(0, from), ...change(part), ...best.slice(from + size)]);
      }
    }
  }

  for (let before = -1; before !== weight(best) && left > 0; ) {
    before = weight(best);
    await cutEnd();
    await changeParts((part) => part.map(() => 0));
    await changeParts(() => []);
    await changeParts((part) => part.map((choice) => Math.floor(choice / 2)));
  }
  return best;
}

/** A replay makes every choice after the end of the list 0, so zeros at the end change nothing. */
function withoutZerosAtEnd(choices: readonly number[]): readonly number[] {
  return choices.slice(0, choices.findLastIndex((choice) => choice !== 0) + 1);
}

function isSmaller(a: readonly number[], b: readonly number[]): boolean {
  return a.length < b.length || (a.length === b.length && weight(a) < weight(b));
}

function weight(choices: readonly number[]): number {
  return choices.reduce((sum, choice) => sum + choice, choices.length);
}
