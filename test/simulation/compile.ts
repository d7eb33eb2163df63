import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Edit, Mutant } from './mutants.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const run = promisify(execFile);

/** The entry for tests of a library as it is, and of each of these mutants of it, compiled side by side. */
export async function compileMutants(
  mutants: readonly Mutant[],
  directory: string,
): Promise<Map<Mutant, string>> {
  const home = join(ROOT, '.build', directory);
  await rm(home, { recursive: true, force: true });
  await mkdir(home, { recursive: true });
  const entries = new Map<Mutant, string>();
  for (const [index, mutant] of mutants.entries()) {
    const name = String(index + 1);
    const copy = join(home, 'src', name);
    await cp(join(ROOT, 'src'), copy, { recursive: true });
    for (const edit of mutant.edits) await apply(edit, copy, mutant.name);
    entries.set(mutant, join(home, 'dist', name, 'testing', 'index.js'));
  }
  const config = {
    extends: '../../tsconfig.json',
    compilerOptions: {
      rootDir: 'src',
      outDir: 'dist',
      noCheck: true,
      declaration: false,
      declarationMap: false,
      isolatedDeclarations: false,
      sourceMap: false,
    },
    include: ['src'],
  };
  await writeFile(join(home, 'tsconfig.json'), JSON.stringify(config));
  const typescript = dirname(createRequire(import.meta.url).resolve('typescript/package.json'));
  await run(process.execPath, [join(typescript, 'bin', 'tsc'), '-p', home]);
  return entries;
}

async function apply({ file, find, replace }: Edit, copy: string, name: string): Promise<void> {
  const path = join(copy, file);
  const text = await readFile(path, 'utf8');
  const times = text.split(find).length - 1;
  if (times !== 1) {
    throw new Error(
      `mutant "${name}": expected its text once in src/${file}, found it ${times} times:\n${find}`,
    );
  }
  await writeFile(
    path,
    text.replace(find, () => replace),
  );
}
