import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createPackedProject, PACKED, type PackedProject } from './packed-project.js';

const DEPENDENCIES = ['debug', 'lodash.get', 'p-limit', 'zod'];

let project: PackedProject;
beforeAll(async () => {
  project = await createPackedProject();
});
afterAll(() => project?.remove());

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
  {
    entry: 'process-metadata-backfill/postgres',
    names: 'createPostgresRepository, createRunTable, fromPg',
    body: `
      console.log(createRunTable().slice(0, 2));
      const database = { query: async () => [], transaction: (work) => work(database) };
      createPostgresRepository({
        database,
        instances: { table: 'instance', model: 'model' },
        taskData: { column: 'data' },
        metadata: { table: 'metadata', instance: 'instance_id' },
      }).loadRun('r').then((records) => console.log(records.length));
      try { fromPg(null); } catch ({ code }) { console.log(code); }`,
    prints: 'do\nINVALID_INPUT\n0\n',
  },
  {
    entry: 'process-metadata-backfill/testing',
    names: 'queueConformance, repositoryConformance, withFaults',
    body: `
      console.log(repositoryConformance(() => {}).length > 50, queueConformance(() => {}).length > 10);
      const queue = withFaults({ enqueue: async () => {} }, [{ on: 'enqueue', fault: 'fail-before' }]);
      queue.enqueue({}).catch(({ code }) => console.log(code));`,
    prints: 'true true\nECONNRESET\n',
  },
];

describe('the packed package, installed in an empty project', () => {
  test('holds the built code, its source and its papers, but no tests and no examples', () => {
    const papers = /^(package\.json|README\.md|LICENSE|CHANGELOG\.md)$/;
    expect(project.packedFiles.filter((path) => !papers.test(path) && !/^(dist|src)\//.test(path))).toEqual(
      [],
    );
    expect(project.packedFiles).toEqual(
      expect.arrayContaining([
        'dist/index.js',
        'dist/index.d.ts',
        'dist/memory/index.js',
        'dist/postgres/index.js',
        'dist/testing/index.js',
        'src/index.ts',
      ]),
    );
    expect(project.packedFiles).toEqual(expect.arrayContaining(PACKED.filter((path) => papers.test(path))));
  });

  test('brings four dependencies along, and only what these need', async () => {
    const installed = join(project.folder, 'node_modules/process-metadata-backfill/package.json');
    const { dependencies } = JSON.parse(await readFile(installed, 'utf8'));
    expect(Object.keys(dependencies).sort()).toEqual(DEPENDENCIES);
    const modules = (await readdir(join(project.folder, 'node_modules'))).filter(
      (name) => !name.startsWith('.'),
    );
    const needed = ['ms', 'yocto-queue']; // by debug and by p-limit
    expect(modules.sort()).toEqual([...DEPENDENCIES, ...needed, 'process-metadata-backfill'].sort());
  });

  test.each(SCRIPTS)('runs by import from $entry', async ({ entry, names, body, prints }) => {
    await project.write('imports.mjs', `import { ${names} } from '${entry}';${body}`);
    expect(await project.node('imports.mjs')).toBe(prints);
  });

  test.each(SCRIPTS)('runs by require from $entry', async ({ entry, names, body, prints }) => {
    await project.write('requires.cjs', `const { ${names} } = require('${entry}');${body}`);
    expect(await project.node('requires.cjs')).toBe(prints);
  });

  test('type-checks in a strict project, declarations included, in an ES module and in a CommonJS one', async () => {
    const script = `
      import { type BackfillReport, extractMetadata, runBackfill } from 'process-metadata-backfill';
      import { createMemoryRepository, type MemoryRepository } from 'process-metadata-backfill/memory';
      import { createPostgresRepository, type PostgresRepository } from 'process-metadata-backfill/postgres';
      import { type ConformanceCase, type RepositoryFixture, repositoryConformance } from 'process-metadata-backfill/testing';
      const paths = [{ key: 'invoice_number', path: 'invoice.number' }] as const;
      const repository: MemoryRepository = createMemoryRepository();
      export async function written(): Promise<number> {
        const report: BackfillReport<'invoice_number'> =
          await runBackfill({ repository, processModelId: 'a/b', paths, onProgress: ({ total }) => total.toFixed() });
        return report.keys.invoice_number.written;
      }
      declare const fixture: RepositoryFixture<{ query(sql: string): Promise<void> }, number>;
      export const cases: readonly ConformanceCase[] = repositoryConformance(async () => fixture);
      declare const database: { query(text: string, values: readonly (string | null)[]): Promise<readonly unknown[]>, transaction: never };
      export const byUuid: PostgresRepository<never, 'uuid'> = createPostgresRepository({
        database,
        instances: { table: 'instance', model: 'model', id: { type: 'uuid' } },
        taskData: { column: 'data' },
        metadata: { column: 'metadata' },
      });
      export const text: string = String(extractMetadata({}, paths).invoice_number);
      // @ts-expect-error shows that these types are really seen
      export const nothing: string = extractMetadata({}, paths).city;`;
    await Promise.all([project.write('checked.mts', script), project.write('checked.cts', script)]);
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
    await project.typescript(...options, 'checked.mts', 'checked.cts');
  });
});
