import { expect, test } from 'vitest';
import { checkMutants } from './runner/check-mutants.js';

// All of them, and with more seeds: npm run simulate -- --mutants
test('the judge notices every defect that a few hundred seeds can show', { timeout: 300_000 }, async () => {
  const lines: string[] = [];
  const print = (line: string) => void lines.push(line);

  const survivors = await checkMutants({
    seeds: 500,
    from: 1,
    only: '',
    isQuick: true,
    directory: 'mutants-in-tests',
    print,
  });

  expect(survivors, lines.join('\n')).toEqual([]);
  expect(lines.at(-1)).toMatch(/^(\d+) of \1 mutants caught$/);
});
