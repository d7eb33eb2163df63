import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** The entries by the names of their reports, which list what host code imports. `npm run check:api` checks these. */
const REPORTS: Readonly<Record<string, string>> = {
  '.': 'index',
  './memory': 'memory',
  './postgres': 'postgres',
  './testing': 'testing',
};

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8');

test.each(Object.entries(REPORTS))(
  'the entry %s exports at run time what its report declares',
  async (entry, name) => {
    const report = await read(`package/api/${name}.api.md`);
    const declared = [...report.matchAll(/^export (?:abstract class|class|const|function) (\w+)/gm)].map(
      ([, declaration]) => declaration,
    );

    const exported = await import(entry === '.' ? '../src/index.ts' : `../src/${entry}/index.ts`);

    expect(declared.length).toBeGreaterThan(0);
    expect(Object.keys(exported).sort()).toEqual([...new Set(declared)].sort());
  },
);

test('the package has these entries and no other way in', async () => {
  const { exports } = JSON.parse(await read('../package.json'));
  expect(Object.keys(exports).sort()).toEqual([...Object.keys(REPORTS), './package.json'].sort());
});
