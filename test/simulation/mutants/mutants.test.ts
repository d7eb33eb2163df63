import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { mutants } from './index.js';

test('no two mutants have the same name', () => {
  const names = mutants.map(({ name }) => name);
  expect(names).toHaveLength(new Set(names).size);
});

test.each(mutants)('the code that "$name" changes is in its file once', async ({ edits }) => {
  const changed = new Map<string, string>();
  for (const { file, find, replace } of edits) {
    const text = changed.get(file) ?? (await readFile(new URL(`../../../${file}`, import.meta.url), 'utf8'));
    expect(text.split(find)).toHaveLength(2);
    changed.set(
      file,
      text.replace(find, () => replace),
    );
  }
});
