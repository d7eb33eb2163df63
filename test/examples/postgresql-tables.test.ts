import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const EXAMPLE = 'examples/9-postgresql-tables';
const RECIPES = 'test/postgres/recipes';

test('RECIPES.md has each recipe that is tested, word for word', async () => {
  const text = await readFile(`${EXAMPLE}/RECIPES.md`, 'utf8');
  const shown = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
  const files = (await readdir(RECIPES)).filter((file) => file.endsWith('.ts'));
  const tested = await Promise.all(files.map((file) => readFile(`${RECIPES}/${file}`, 'utf8')));

  expect(files.length).toBeGreaterThan(4);
  expect(shown.toSorted()).toEqual(tested.toSorted());
});

test('the README explains every member of the configuration, with its default', async () => {
  const readme = await readFile(`${EXAMPLE}/README.md`, 'utf8');
  const rows = readme.split('\n').filter((line) => line.startsWith('|'));
  const source = await readFile('src/postgres/configuration.ts', 'utf8');
  const interfaces = source.slice(0, source.indexOf('export function'));
  const members = [...interfaces.matchAll(/readonly (\w+)\??:/g)].map(([, name]) => name);
  const defaults = [...interfaces.matchAll(/@default '(\w+)'/g)].map(([, value]) => value);

  expect(members).toEqual(expect.arrayContaining(['where', 'newest', 'parse', 'maxKeyLength']));
  for (const name of members) expect(rows.join('\n')).toMatch(new RegExp(`^\\| .*\\b${name}\\b.* \\| `, 'm'));
  expect(defaults).toContain('metadata_backfill_run');
  for (const value of defaults)
    expect(rows.join('\n')).toMatch(new RegExp(`\\|[^|]*\`'${value}'\`[^|]*\\|$`, 'm'));
});

test('no README of an example links to a file that is not there', async () => {
  const folders = await readdir('examples');
  for (const folder of folders) {
    for (const file of (await readdir(`examples/${folder}`)).filter((name) => name.endsWith('.md'))) {
      const text = await readFile(`examples/${folder}/${file}`, 'utf8');
      const targets = [...text.matchAll(/\]\(([^)#]+)\)/g)].map(([, target = '']) => target);
      for (const target of targets.filter((target) => !target.startsWith('https://')))
        await expect(
          stat(join('examples', folder, target)),
          `${folder}/${file}: ${target}`,
        ).resolves.toBeDefined();
    }
  }
});
