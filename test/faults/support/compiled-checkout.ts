import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const CHECKOUT = fileURLToPath(new URL('../../..', import.meta.url));

/** Source, examples and tests as plain JavaScript: a process that compiles them at each start would take long to kill. */
export interface CompiledCheckout {
  pathOf(file: string): string;
  remove(): Promise<void>;
}

export async function compileCheckout(): Promise<CompiledCheckout> {
  const folder = await mkdtemp(join(tmpdir(), 'faults-'));
  const { name } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));
  const exports = {
    '.': './src/index.js',
    './memory': './src/memory/index.js',
    './postgres': './src/postgres/index.js',
  };
  await writeFile(join(folder, 'package.json'), JSON.stringify({ name, type: 'module', exports }));
  await symlink(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'));
  const tsc = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
  const options = ['-p', join(CHECKOUT, 'test'), '--outDir', folder, '--noEmit', 'false', '--noCheck'];
  await promisify(execFile)(process.execPath, [tsc, ...options]);
  return {
    pathOf: (file) => join(folder, file.replace(/\.ts$/, '.js')),
    remove: () => rm(folder, { recursive: true }),
  };
}
