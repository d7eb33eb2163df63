import { cp, readFile, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKOUT, createPackedProject, type PackedProject } from './packed-project.js';

/** All that a host writes, besides its repository and its fixture. */
const TEST_FILE = `
import { readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { PGlite } from '@electric-sql/pglite';
import { repositoryConformance } from 'process-metadata-backfill/testing';
import { createFixture } from './1-own-repository/fixture.js';
import { pgliteDatabase } from './1-own-repository/pglite-database.js';
import { createRepository } from './1-own-repository/repository.js';

let pglite: PGlite;
before(async () => {
  pglite = await PGlite.create();
  await pglite.exec(await readFile('1-own-repository/schema.sql', 'utf8'));
});
after(() => pglite.close());

const cases = repositoryConformance(() => {
  const database = pgliteDatabase(pglite);
  return createFixture(database, createRepository(database));
});
for (const c of cases) test(c.name, c.run);
`;

const VITEST_FILE = TEST_FILE.replace(
  "import { after, before, test } from 'node:test';",
  "import { afterAll as after, beforeAll as before, test } from 'vitest';",
);

/** A slip in the repository: live values are overwritten. */
const SLIP = [
  'where metadata.value is null and excluded.value is not null',
  'where excluded.value is not null',
] as const;

const BROKEN_NAME = 'commit: when it fills, keeps a value that appeared since the read, and reports it';
const ADVICE = 'To fix it: put the guard into the statement that writes';
const SKIPPED = 'not offered: transactions (the repository does not say `transactional: true`)';

/** A busy machine takes its time to start a database. */
const TIMEOUTS = ['--hookTimeout=90000', '--testTimeout=90000'];

describe('an empty project with the packed package', () => {
  let project: PackedProject;

  beforeAll(async () => {
    project = await createPackedProject();
    for (const name of ['vitest', 'tsx', '@electric-sql']) {
      await symlink(join(CHECKOUT, 'node_modules', name), join(project.folder, 'node_modules', name), 'dir');
    }
    await cp(join(CHECKOUT, 'examples', '1-own-repository'), join(project.folder, '1-own-repository'), {
      recursive: true,
    });
    await project.write('package.json', '{ "private": true, "type": "module" }');
    await project.write('own.test.ts', VITEST_FILE);
    await project.write('own.node-test.ts', TEST_FILE);
  });
  afterAll(() => project?.remove());

  const byVitest = () =>
    project.node('node_modules/vitest/vitest.mjs', 'run', '--reporter=verbose', ...TIMEOUTS);
  const byNode = () => project.node('--import', 'tsx', '--test', '--test-reporter=tap', 'own.node-test.ts');

  test('proves a repository of its own in vitest, which shows what is not offered', async () => {
    const output = await byVitest();

    expect(output).toContain(`✓ own.test.ts > ${BROKEN_NAME}`);
    expect(output).toMatch(/↓ own\.test\.ts > transactions: .*\[not offered: transactions/);
    expect(output).toContain(SKIPPED);
    expect(output).not.toContain('failed');
  });

  test("proves it in node's own test runner, which shows the same", async () => {
    const output = await byNode();

    expect(output).toContain(`- ${BROKEN_NAME}`);
    expect(output).toMatch(/ok \d+ - transactions: .* # SKIP not offered: transactions/);
    expect(output).toMatch(/^# fail 0$/m);
  });

  test('learns in both what a broken one does, and how to fix it', async () => {
    const repository = join('1-own-repository', 'repository.ts');
    const text = await readFile(join(project.folder, repository), 'utf8');
    expect(text).toContain(SLIP[0]);
    await project.write(repository, text.replace(...SLIP));

    const outputs = [
      await byVitest().catch((error: Error) => error.message),
      await byNode().catch((error: Error) => error.message),
    ];

    for (const output of outputs) {
      expect(output).toContain(
        "expected { city: 'live', town: 'Hamar' }, got { city: 'Oslo', town: 'Hamar' }",
      );
      expect(output).toContain(ADVICE);
    }
    expect(outputs[0]).toContain(`× own.test.ts > ${BROKEN_NAME}`);
    expect(outputs[1]).toMatch(/^not ok \d+ - commit: when it fills, keeps a value/m);
  });
});
