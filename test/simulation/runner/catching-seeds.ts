import { readFile, writeFile } from 'node:fs/promises';
import { mutants } from '../mutants/index.js';

const FILE = new URL('../mutants/catching-seeds.json', import.meta.url);

/** By the name of a mutant, the seed that caught it last. A change of the world may have made it useless. */
export async function readCatchingSeeds(): Promise<Map<string, number>> {
  return new Map(Object.entries(JSON.parse(await readFile(FILE, 'utf8')) as Record<string, number>));
}

/** In the order of the mutants, so that a new seed changes one line. Leaves out mutants that are gone. */
export async function writeCatchingSeeds(seeds: ReadonlyMap<string, number>): Promise<void> {
  const known = mutants.flatMap(({ name }) => {
    const seed = seeds.get(name);
    return seed === undefined ? [] : [[name, seed]];
  });
  await writeFile(FILE, `${JSON.stringify(Object.fromEntries(known), null, 2)}\n`);
}
