import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { PGlite, type Transaction } from '@electric-sql/pglite';
import {
  type BackfillRepository,
  createBackfillService,
  type InstanceSnapshot,
  type InstanceSurvey,
  type JsonValue,
  type RunRecord,
  runBackfill,
} from 'process-metadata-backfill';
import { createInProcessQueue } from 'process-metadata-backfill/memory';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const CHECKOUT = fileURLToPath(new URL('..', import.meta.url));
const readme = await readFile(join(CHECKOUT, 'README.md'), 'utf8');

/** The contents of the README's code blocks in one language. */
function blocks(language: string): string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\`$`, 'gms'))].map(
    ([, code]) => code ?? '',
  );
}

/** What the README's blocks take for given: a host's own things. */
const PRELUDE = `
  import type { BackfillQueue, BackfillRepository, ExtractionPath, JobPayload, JsonValue } from 'process-metadata-backfill';
  interface Job { readonly payload: unknown; fail(error: Error): void }
  interface Model { readonly paths: readonly ExtractionPath[] }
  declare global {
    const repository: BackfillRepository<{ query(sql: string): Promise<unknown> }, number>;
    const queue: BackfillQueue;
    const processModelId: string;
    const oldModel: Model;
    const newModel: Model;
    const runner: {
      add(name: string, payload: JobPayload, options: { id: string; delayMs: number }): Promise<void>;
      work(name: string, handler: (job: Job, signal: AbortSignal) => Promise<void>): void;
    };
    interface PageRow {
      readonly id: number;
      readonly running: boolean;
      readonly data: string | null;
      readonly rows: readonly (readonly [key: string, value: JsonValue, token: string])[];
    }
  }`;

describe('the TypeScript in the README', () => {
  let folder: string;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'readme-'));
    const write = (name: string, text: string) => writeFile(join(folder, name), text);
    await Promise.all([
      ...blocks('ts').map((code, index) => write(`block-${index}.mts`, code)),
      write('prelude.mts', PRELUDE),
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
    const { stdout } = await promisify(execFile)(process.execPath, [script, ...args], { cwd: folder }).catch(
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
    const code = blocks('ts')[1] ?? '';
    const comments = [...code.matchAll(/console\.log\(.*\); \/\/ ([[{].*)$/gm)].map(([, comment]) => comment);
    expect(comments).toHaveLength(3);
    const output = await run('tsx/dist/cli.mjs', '--tsconfig', 'tsconfig.json', 'block-1.mts');
    for (const comment of comments) expect(output.replace(/\s+/g, ' ')).toContain(comment);
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
      else
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
    const table = readme.slice(readme.indexOf('## Error codes'), readme.indexOf('## Examples'));
    for (const code of codes) expect(table).toContain(`\`${code}\``);
  });

  test('stays under 300 lines', () => {
    expect(readme.split('\n').length).toBeLessThanOrEqual(300);
  });
});

/** The README's block that exports `name`, run. */
async function readmeModule(name: string): Promise<{ snapshotOf(row: unknown): InstanceSnapshot<number> }> {
  const folder = await mkdtemp(join(tmpdir(), 'readme-'));
  try {
    const file = join(folder, 'block.ts');
    await writeFile(file, blocks('ts').find((code) => code.includes(`export function ${name}`)) ?? '');
    return await import(file);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function slug(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, '')
    .replaceAll(' ', '-');
}

describe('the SQL in the README', () => {
  const processModelId = 'sales/invoice';
  const paths = [{ key: 'number', path: 'invoice.number' }];
  let pglite: PGlite;
  let repository: BackfillRepository<never, number>;
  /** What a live instance does between reading and writing of a page. */
  let afterReading: () => Promise<unknown>;

  beforeAll(async () => {
    pglite = await PGlite.create();
    await pglite.exec(`
      create table instance (id int primary key, process_model_id text not null, running boolean not null);
      create table task (id text, instance_id int, state text, ended_at timestamptz, data text);
      create table metadata (instance_id int, key text, value jsonb, unique (instance_id, key));
      insert into instance select id, '${processModelId}', id = 7 from generate_series(1, 8) id;
      insert into instance values (9, 'another/model', false);
      insert into task select 'a', id, 'COMPLETED', '2024-05-01', '{"invoice": {"number": "old"}}' from instance;
      insert into task select 'b', id, 'COMPLETED', '2024-05-02', '{"invoice": {"number": ' || id || '}}' from instance;
      insert into task select 'c', id, 'READY', null, '{"invoice": {"number": "not yet"}}' from instance;
      delete from task where instance_id = 6;
      update task set data = '{"broken' where instance_id = 4;
      update task set data = '{}' where instance_id in (5, 7);
      insert into metadata values (2, 'number', '"kept"'), (3, 'number', null);`);
    repository = await repositoryOf(blocks('sql')[0] ?? '');
  }, 60_000);

  afterAll(() => pglite?.close());

  /** A repository of these statements, and no other wisdom than the comments between them. */
  async function repositoryOf(sql: string): Promise<BackfillRepository<never, number>> {
    const statements = sql.replace(/^--.*$/gm, '').split(';');
    const [createTable = '', createIndex = '', survey = '', page = '', ...commit] = statements;
    const [
      lockRecords = '',
      left = '',
      lockInstances = '',
      fill = '',
      replace = '',
      insert = '',
      update = '',
    ] = commit;
    await pglite.exec(`${createTable}; ${createIndex}`);
    const json = (value: JsonValue) => (value === null ? null : JSON.stringify(value));
    const { snapshotOf } = await readmeModule('snapshotOf');
    const query = async <Row>(text: string, values: readonly unknown[], sql: PGlite | Transaction = pglite) =>
      (await sql.query<Row>(text, [...values])).rows;
    const columns = `id, run_id as "runId", process_model_id as "processModelId", revision, active_key as "activeKey", content`;
    return {
      async surveyInstances(q) {
        const values = [q.processModelId, q.instanceIds, q.after, q.limit];
        return (await query<InstanceSurvey>(survey, values))[0] ?? { total: 0, upTo: null };
      },
      async readInstances(q) {
        const keys = q.paths.map(({ key }) => key);
        const values = [q.processModelId, q.instanceIds, q.after, q.upTo, q.limit, keys];
        const rows = await query(page, values);
        await afterReading();
        return rows.map(snapshotOf);
      },
      async commit({ expected, exhausted, instances, next }) {
        const ids = instances.map(({ id }) => id);
        try {
          return await pglite.transaction(async (sql) => {
            const locked = await query<RunRecord>(lockRecords, [expected.map(({ id }) => id)], sql);
            const revisions = new Map(locked.map(({ id, revision }) => [id, revision]));
            const isStored = expected.every(({ id, revision }) => (revisions.get(id) ?? null) === revision);
            if (!isStored) return { status: 'conflict' as const };
            if (exhausted) {
              const { processModelId: model, instanceIds, after, upTo } = exhausted;
              const rows = await query(left, [model, instanceIds, after, upTo], sql);
              if (rows.length > 0) return { status: 'not-exhausted' as const };
            }
            const living = new Set(
              (await query<{ id: number }>(lockInstances, [ids], sql)).map(({ id }) => id),
            );
            const kept: { id: number; key: string }[] = [];
            for (const { id, values } of instances.filter((instance) => living.has(instance.id))) {
              for (const { key, value, replaces } of values) {
                const written = replaces
                  ? await query(replace, [id, key, json(value), replaces.token], sql)
                  : await query(fill, [id, key, json(value)], sql);
                if (written.length === 0) kept.push({ id, key });
              }
            }
            for (const record of next({ gone: ids.filter((id) => !living.has(id)), kept })) {
              const { id, runId, revision, activeKey, content } = record;
              await (revisions.has(id)
                ? query(update, [id, revision, activeKey, json(content)], sql)
                : query(insert, [id, runId, record.processModelId, revision, activeKey, json(content)], sql));
            }
            return { status: 'committed' as const };
          });
        } catch (error) {
          if ((error as { code?: string }).code === '23505') return { status: 'conflict' };
          throw error;
        }
      },
      loadRun: (runId) => query(`select ${columns} from metadata_backfill_run where run_id = $1`, [runId]),
      findRuns: ({ activeKey }) =>
        query(`select ${columns} from metadata_backfill_run where active_key = $1`, [activeKey]),
    };
  }

  async function stored(): Promise<Record<string, unknown>> {
    const { rows } = await pglite.query<{ id: number; value: unknown }>(
      `select instance_id as id, value from metadata order by id`,
    );
    return Object.fromEntries(rows.map(({ id, value }) => [id, value]));
  }

  test('makes a repository that fills, keeps what is there, and changes nothing the second time', async () => {
    afterReading = async () => {};
    const first = await runBackfill({ repository, processModelId, paths, batchSize: 3 });
    expect(first).toMatchObject({ total: 8, processed: 7, updated: 3, failed: 1, gone: 0 });
    expect(first.failures.map(({ instanceId }) => instanceId)).toEqual([4]);
    expect(await stored()).toEqual({ 1: 1, 2: 'kept', 3: 3, 5: null, 6: null, 8: 8 });

    const second = await runBackfill({ repository, processModelId, paths, batchSize: 3 });
    expect(second).toMatchObject({ total: 8, processed: 7, updated: 0, failed: 1 });
  });

  test('makes a repository whose overwrites give way to a live writer', async () => {
    await pglite.exec(
      `update task set data = '{"invoice": {"number": "new"}}' where instance_id in (1, 2, 5)`,
    );
    afterReading = async () => {
      afterReading = async () => {};
      await pglite.exec(`
        update metadata set value = '"live"' where instance_id in (1, 5);
        delete from instance where id = 8`);
    };
    const report = await runBackfill({ repository, processModelId, paths, mode: 'overwrite' });
    expect(report).toMatchObject({
      state: 'completed_with_failures',
      total: 8,
      updated: 1,
      failed: 1,
      gone: 1,
    });
    expect(await stored()).toMatchObject({ 1: 'live', 2: 'new', 3: 3, 5: 'live' });
  });

  test('makes a repository that takes no empty page for the end', async () => {
    afterReading = async () => {};
    let pages = 0;
    const lagging: typeof repository = {
      ...repository,
      readInstances: async (query) => (++pages === 1 ? [] : repository.readInstances(query)),
    };
    await pglite.exec(`insert into instance values (10, '${processModelId}', false)`);
    const report = await runBackfill({ repository: lagging, processModelId, paths, limit: 3 });
    expect(report).toMatchObject({ state: 'completed', total: 3, processed: 3, gone: 0 });
  });

  test('makes a repository that knows an equal request', async () => {
    afterReading = async () => {};
    const queue = createInProcessQueue();
    const service = createBackfillService({ repository, queue });
    const first = await service.request({ processModelId, paths });
    const second = await service.request({ processModelId, paths });
    expect(first).toMatchObject({ created: true });
    expect(second).toEqual({ ...first, created: false });
  });
});
