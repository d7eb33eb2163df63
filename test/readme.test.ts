import { execFile } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(CHECKOUT, 'README.md'), 'utf8');

/** The contents of the README's code blocks in one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code]) => code ?? '',
  );
}

/** From one heading to the next. */
function section(heading: string): string {
  const start = readme.indexOf(`\n## ${heading}\n`);
  return readme.slice(start, readme.indexOf('\n## ', start + 1));
}

/** What the README's blocks take for given: a host's own things. */
const PRELUDE = `
  import type { BackfillQueue, BackfillRepository, BackfillService, ExtractionPath, JobPayload } from 'process-metadata-backfill';
  interface Job { readonly payload: unknown; fail(error: Error): void }
  interface Model { readonly paths: readonly ExtractionPath[] }
  declare global {
    const repository: BackfillRepository<{ query(sql: string): Promise<unknown> }, number>;
    const queue: BackfillQueue;
    const service: BackfillService;
    const pool: import('pg').Pool;
    const processModelId: string;
    const oldModel: Model;
    const newModel: Model;
    const runner: {
      work(name: string, handler: (job: Job, signal: AbortSignal) => Promise<void>): void;
    };
  }`;

/** What a host writes for the conformance cases. */
const FIXTURES = `
  export { inProcessFixture as createQueueFixture } from '${CHECKOUT}test/testing/fixtures/in-process-fixture.js';
  export { memoryFixture as createRepositoryFixture } from '${CHECKOUT}test/testing/fixtures/memory-fixture.js';`;

describe('the TypeScript in the README', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'readme-'));
    const write = (name: string, text: string) => writeFile(join(folder, name), text);
    await Promise.all([
      ...blocks('ts').map((code, index) => write(`block-${index}.mts`, code)),
      write('prelude.mts', PRELUDE),
      write('fixtures.ts', FIXTURES),
      write('package.json', '{ "type": "module" }'),
      write(
        'tsconfig.json',
        JSON.stringify({
          extends: join(CHECKOUT, 'test/tsconfig.json'), // whose paths lead to src
          compilerOptions: {
            rootDir: '/',
            noUnusedLocals: false,
            typeRoots: [join(CHECKOUT, 'node_modules/@types')],
          },
          include: ['*.mts'],
        }),
      ),
      symlink(join(CHECKOUT, 'node_modules'), join(folder, 'node_modules'), 'dir'),
    ]);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  async function run(command: string, ...args: string[]): Promise<string> {
    const script = join(CHECKOUT, 'node_modules', command);
    // Left to itself, node:test reports in TAP or not, depending on the version of Node.js.
    const env = { ...process.env, NODE_OPTIONS: '--test-reporter=tap' };
    const options = { cwd: folder, env };
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], options).catch(
      (error) => {
        throw new Error(`${error.message}\n${error.stdout}`); // tsc tells its errors on stdout
      },
    );
    return stdout;
  }

  test('type-checks, block by block', async () => {
    expect(blocks('ts').length).toBeGreaterThan(3);
    expect(await run('typescript/bin/tsc', '--noEmit', '-p', '.')).toBe('');
  });

  test('prints what stands below it on the first screen', async () => {
    const output = await run('tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.json', 'block-0.mts');
    expect(output).toBe(blocks('text')[0]);
  });

  test('prints what the comments behind it say', async () => {
    const block = blocks('ts').findIndex((code) => code.includes('diffExtractionPaths'));
    const code = blocks('ts')[block] ?? '';
    const comments = [...code.matchAll(/console\.log\(.*\); \/\/ ([[{].*)$/gm)].map(([, comment]) => comment);
    expect(comments).toHaveLength(3);
    const output = await run('tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.json', `block-${block}.mts`);
    for (const comment of comments) expect(output.replace(/\s+/g, ' ')).toContain(comment);
  });

  test("proves adapters in node's own test runner", async () => {
    const block = blocks('ts').findIndex((code) => code.includes('repositoryConformance'));
    const output = await run('tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.json', `block-${block}.mts`);
    expect(output).toMatch(/^ok \d+ - commit: /m);
    expect(output).toMatch(/^ok \d+ - enqueue: /m);
    expect(output).toMatch(/^# fail 0$/m);
  });
});

describe('the README', () => {
  test('names npm scripts that exist', async () => {
    const { scripts } = JSON.parse(await readFile(join(CHECKOUT, 'package.json'), 'utf8'));
    const named = [...readme.matchAll(/\bnpm (?:run ([\w:-]+)|(test))\b/g)].map(
      ([, run, test]) => run ?? test,
    );
    expect(named).toEqual(expect.arrayContaining(['demo', 'test']));
    for (const name of named) expect(Object.keys(scripts)).toContain(name);
  });

  test('links to files and headings that exist', async () => {
    const targets = [...readme.matchAll(/\]\(([^)]+)\)/g)].map(([, target]) => target ?? '');
    expect(targets.length).toBeGreaterThan(5);
    const headings = [...readme.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => `#${slug(heading)}`);
    for (const target of targets) {
      if (target.startsWith('#')) expect(headings).toContain(target);
      else if (!target.startsWith('https://'))
        await expect(
          promisify(execFile)('ls', ['-d', join(CHECKOUT, target)]),
          target,
        ).resolves.toBeDefined();
    }
  });

  test('lists every error code of the library', async () => {
    const source = await readFile(join(CHECKOUT, 'src/errors.ts'), 'utf8');
    const union = /BackfillErrorCode =([^;]*);/.exec(source)?.[1] ?? '';
    const codes = [...union.matchAll(/'(\w+)'/g)].map(([, code]) => code);
    expect(codes.length).toBeGreaterThan(5);
    for (const code of codes) expect(section('Error codes')).toContain(`\`${code}\``);
  });

  test('lists every log line of the library', async () => {
    const source = join(CHECKOUT, 'src');
    const files = (await readdir(source, { recursive: true })).filter((file) => file.endsWith('.ts'));
    const texts = await Promise.all(files.map((file) => readFile(join(source, file), 'utf8')));
    const beginnings = [...texts.join('\n').matchAll(/(?:\.warned|\bwrite)\([^`;]*?`([^`$]+)/g)].map(
      ([, text]) => text ?? '',
    );
    expect(beginnings).toHaveLength(11);
    for (const beginning of beginnings) expect(section('Log lines')).toContain(`\`${beginning}`);
  });

  test('lists every section in its table of contents', () => {
    const headings = [...readme.matchAll(/^#{2,} (.*)$/gm)].map(([, heading = '']) => heading);
    for (const heading of headings.filter((heading) => heading !== 'Contents'))
      expect(section('Contents')).toContain(`](#${slug(heading)})`);
  });

  test('stays under 350 lines', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(350);
  });
});

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}
