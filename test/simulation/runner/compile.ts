import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Edit, Mutant } from '../mutants/mutant.js';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const run = promisify(execFile);

const entryIn = (directory: string): string => join(directory, 'test', 'simulation', 'index.js');

/** The reverse of {@link entryIn}. */
const directoryOf = (entry: string): string => dirname(dirname(dirname(entry)));

/** Compiles the library and its simulation. Returns the path of the simulation's entry. */
export async function compileLibrary(home: string): Promise<string> {
  await rm(home, { recursive: true, force: true });
  const compiled = join(home, 'library');
  await compile(home, { rootDir: ROOT, outDir: compiled }, [join(ROOT, 'test', 'simulation', 'index.ts')]);
  return entryIn(compiled);
}

/** The entries of the simulation in the library and in the copy of each mutant. */
export interface CompiledMutants {
  readonly library: string;
  readonly copies: ReadonlyMap<Mutant, string>;
}

/**
 * Compiles the library, and one copy per mutant.
 * @throws {Error} when a file does not contain the text of an edit exactly once.
 */
export async function compileMutants(mutants: readonly Mutant[], home: string): Promise<CompiledMutants> {
  const library = await compileLibrary(home);
  const [sources, copies] = [join(home, 'sources'), join(home, 'copies')];
  const entries = new Map<Mutant, string>();
  for (const [index, mutant] of mutants.entries()) {
    const name = String(index + 1);
    for (const edit of mutant.edits) await apply(edit, join(sources, name), mutant.name);
    entries.set(mutant, entryIn(join(copies, name)));
  }
  // Compiles only the files that differ, without what they import.
  await compile(home, { rootDir: sources, outDir: copies, noResolve: true }, [sources]);
  for (const entry of entries.values())
    await cp(directoryOf(library), directoryOf(entry), { recursive: true, force: false });
  return { library, copies: entries };
}

async function compile(home: string, options: object, include: readonly string[]): Promise<void> {
  const path = join(home, 'tsconfig.json');
  const plain = { declaration: false, declarationMap: false, isolatedDeclarations: false, sourceMap: false };
  const compilerOptions = { ...plain, noCheck: true, types: [], ...options };
  await mkdir(home, { recursive: true });
  await writeFile(path, JSON.stringify({ extends: join(ROOT, 'tsconfig.json'), compilerOptions, include }));
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  await run(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', path]);
}

/** Applies an edit. A second edit of the same file starts from the result of the first. */
async function apply({ file, find, replace }: Edit, directory: string, name: string): Promise<void> {
  const path = join(directory, file);
  const text = await readFile(path, 'utf8').catch(() => readFile(join(ROOT, file), 'utf8'));
  const times = text.split(find).length - 1;
  if (times !== 1) {
    throw new Error(`mutant "${name}": expected its text once in ${file}, found it ${times} times:\n${find}`);
  }
  await mkdir(dirname(path), { recursive: true });
  await writeFile(
    path,
    text.replace(find, () => replace),
  );
}

/** A directory that git ignores. */
export function buildDirectory(name: string): string {
  return join(ROOT, '.build', name);
}
