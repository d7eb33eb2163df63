import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { describeWith } from '../support/servers.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const STORES = [
  ['sqlite', []],
  ['pglite', []],
  ['postgres', ['PostgreSQL']],
  ['mariadb', ['MariaDB']],
] as const;

const readme = await readFile(new URL('examples/3-sql-databases/README.md', `file://${CHECKOUT}`), 'utf8');

/** The command lines of the README, by their last word; without one, it is SQLite. */
const commands = new Map(
  [...readme.matchAll(/^npx (tsx \S+main\.ts) *(\w+)?/gm)].map(([, main = '', store]) => [
    store ?? 'sqlite',
    [...main.split(' '), ...(store === undefined ? [] : [store])],
  ]),
);

test('the README of sql-databases has a command for each store', () => {
  expect([...commands.keys()]).toEqual(STORES.map(([store]) => store));
});

for (const [store, servers] of STORES) {
  describeWith(servers, `sql-databases on ${store}`, () => {
    test('prints what its README shows, and exits with 0', async () => {
      const { stdout } = await promisify(execFile)('npx', commands.get(store) ?? [], { cwd: CHECKOUT });

      const shown = /^```\n(The run is[^`]*)```$/m.exec(readme)?.[1];
      expect(shown).toContain('✓');
      expect(stdout).toContain(shown);
      expect(stdout).toContain(`on ${store}`);
    });
  });
}
