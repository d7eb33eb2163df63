import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

export const CHECKOUT: string = fileURLToPath(new URL('../..', import.meta.url));
const TYPESCRIPT = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
export const PACKED = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'src', 'test', 'examples'];

/** A project that has nothing but this package, as its users get it. */
export interface PackedProject {
  readonly folder: string;
  /** What is in the tarball. */
  readonly packedFiles: readonly string[];
  write(file: string, text: string): Promise<void>;
  /** A script by the path that it has in the checkout, or in the project; resolves to what it prints. */
  node(...args: readonly string[]): Promise<string>;
  typescript(...args: readonly string[]): Promise<string>;
  remove(): Promise<void>;
}

export async function createPackedProject(): Promise<PackedProject> {
  const temporary = await mkdtemp(join(tmpdir(), 'packed-tarball-'));
  const [copy, folder] = [join(temporary, 'copy'), join(temporary, 'project')];
  await Promise.all([mkdir(copy), mkdir(folder)]);
  await writeFile(join(folder, 'package.json'), '{ "private": true }');

  // Built and packed in a copy, as other tests use the dist of the checkout at this very moment.
  for (const path of [...PACKED, 'tsconfig.json']) {
    await cp(join(CHECKOUT, path), join(copy, path), { recursive: true });
  }
  await symlink(join(CHECKOUT, 'node_modules'), join(copy, 'node_modules'), 'dir');
  await run(process.execPath, [TYPESCRIPT], copy);
  const packed = await run(
    'npm',
    ['pack', '--ignore-scripts', '--json', '--pack-destination', temporary],
    copy,
  );
  const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...quietly, join(temporary, filename)], folder);
  return {
    folder,
    packedFiles: files.map(({ path }) => path),
    write: (file, text) => writeFile(join(folder, file), text),
    node: (...args) => run(process.execPath, args, folder),
    typescript: (...args) => run(process.execPath, [TYPESCRIPT, ...args], folder),
    remove: () => rm(temporary, { recursive: true, force: true }),
  };
}

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  const { FORCE_COLOR: _, ...env } = process.env;
  try {
    return (
      await promisify(execFile)(command, args, { cwd, env: { ...env, NO_COLOR: '1' }, maxBuffer: 2 ** 26 })
    ).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout}`); // tsc and test runners tell their errors on stdout
  }
}
