import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const TYPESCRIPT = join(CHECKOUT, 'node_modules/typescript/bin/tsc');
const PACKED = ['package.json', 'README.md', 'LICENSE', 'CHANGELOG.md', 'src', 'test', 'examples'];
const DEPENDENCIES = ['debug', 'lodash.get', 'p-limit', 'zod'];

/** A project that has nothing but this package. */
let project: string;
let temporary: string;
let packedFiles: string[];

beforeAll(async () => {
  temporary = await mkdtemp(join(tmpdir(), 'packed-tarball-'));
  const copy = join(temporary, 'copy');
  project = join(temporary, 'project');
  await Promise.all([mkdir(copy), mkdir(project)]);
  await write('package.json', '{ "private": true }');

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
  packedFiles = files.map(({ path }) => path);
  const quietly = ['--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', ...quietly, join(temporary, filename)], project);
}, 180_000);

afterAll(async () => {
  if (temporary !== undefined) await rm(temporary, { recursive: true, force: true });
});

async function run(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    return (await promisify(execFile)(command, args, { cwd })).stdout;
  } catch (error) {
    const { message, stdout } = error as Error & { stdout?: string };
    throw new Error(`${message}\n${stdout}`); // tsc tells its errors on stdout
  }
}

function write(file: string, text: string): Promise<void> {
  return writeFile(join(project, file), text);
}

/** For each entry: a script, without what differs between import and require, and what it prints. */
const SCRIPTS: readonly { entry: string; names: string; body: string; prints: string }[] = [
  {
    entry: 'process-metadata-backfill',
    names: 'diffExtractionPaths, extractMetadata, isBackfillError, runBackfill',
    body: `
      const before = [{ key: 'customer_id', path: 'customer.id' }];
      const after = [...before, { key: 'invoice_number', path: 'invoice.number' }, { key: 'city', path: 'city' }];
      const { added } = diffExtractionPaths(before, after);
      console.log(JSON.stringify(extractMetadata({ invoice: { number: 'INV-7' } }, added)));
      const options = { repository: null, processModelId: 'a/b', paths: added };
      runBackfill(options).catch((error) => console.log(isBackfillError(error, 'INVALID_INPUT')));`,
    prints: '{"invoice_number":"INV-7","city":null}\ntrue\n',
  },
  {
    entry: 'process-metadata-backfill/memory',
    names: 'createInProcessQueue, createMemoryRepository',
    body: `
      const tasks = [{ state: 'COMPLETED', data: { invoice: { number: 'INV-7' } } }];
      const repository = createMemoryRepository({ instances: [{ id: 1, processModelId: 'a/b', tasks }] });
      const survey = { processModelId: 'a/b', instanceIds: null, after: null, limit: null };
      repository.surveyInstances(survey).then(({ total }) => console.log('instances:', total));
      const queue = createInProcessQueue();
      const job = { name: 'backfill_metadata', key: 'r_0_0', payload: { runId: 'r', shard: 0, step: 0 } };
      queue.work(async (payload) => console.log(JSON.stringify(payload)));
      queue.enqueue(job);`,
    prints: 'instances: 1\n{"runId":"r","shard":0,"step":0}\n',
  },
];

describe('the packed package, installed in an empty project', () => {
  test('holds the built code, its source and its papers, but no tests and no examples', () => {
    const papers = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(packedFiles.filter((path) => !papers.test(path) && !/^(dist|src)\//.test(path))).toEqual([]);
    expect(packedFiles).toEqual(
      expect.arrayContaining(['dist/index.js', 'dist/index.d.ts', 'dist/memory/index.js', 'src/index.ts']),
    );
    expect(packedFiles).toEqual(expect.arrayContaining(PACKED.filter((path) => papers.test(path))));
  });

  test('brings four dependencies along, and only what these need', async () => {
    const installed = join(project, 'node_modules/process-metadata-backfill/package.json');
    const { dependencies } = JSON.parse(await readFile(installed, 'utf8'));
    expect(Object.keys(dependencies).sort()).toEqual(DEPENDENCIES);
    const modules = (await readdir(join(project, 'node_modules'))).filter((name) => !name.startsWith('.'));
    const needed = ['ms', 'yocto-queue']; // by debug and by p-limit
    expect(modules.sort()).toEqual([...DEPENDENCIES, ...needed, 'process-metadata-backfill'].sort());
  });

  test.each(SCRIPTS)('runs by import from $entry', async ({ entry, names, body, prints }) => {
    await write('imports.mjs', `import { ${names} } from '${entry}';${body}`);
    expect(await run(process.execPath, ['imports.mjs'], project)).toBe(prints);
  });

  test.each(SCRIPTS)('runs by require from $entry', async ({ entry, names, body, prints }) => {
    await write('requires.cjs', `const { ${names} } = require('${entry}');${body}`);
    expect(await run(process.execPath, ['requires.cjs'], project)).toBe(prints);
  });

  test('type-checks in a strict project, declarations included, in an ES module and in a CommonJS one', async () => {
    const script = `
      import { type BackfillReport, extractMetadata, runBackfill } from 'process-metadata-backfill';
      import { createMemoryRepository, type MemoryRepository } from 'process-metadata-backfill/memory';
      const paths = [{ key: 'invoice_number', path: 'invoice.number' }] as const;
      const repository: MemoryRepository = createMemoryRepository();
      export async function written(): Promise<number> {
        const report: BackfillReport<'invoice_number'> =
          await runBackfill({ repository, processModelId: 'a/b', paths, onProgress: ({ total }) => total.toFixed() });
        return report.keys.invoice_number.written;
      }
      export const text: string = String(extractMetadata({}, paths).invoice_number);
      // @ts-expect-error shows that these types are really seen
      export const nothing: string = extractMetadata({}, paths).city;`;
    await Promise.all([write('checked.mts', script), write('checked.cts', script)]);
    const options = [
      '--noEmit',
      '--strict',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--skipLibCheck',
      'false',
    ];
    await run(process.execPath, [TYPESCRIPT, ...options, 'checked.mts', 'checked.cts'], project);
  });
});
