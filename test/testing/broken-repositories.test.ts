import { repositoryConformance } from 'process-metadata-backfill/testing';
import { describe, expect, test } from 'vitest';
import { repositoryDefects } from './broken/repository-defects.js';
import { ruleRepository } from './broken/rule-repository.js';
import { SOUND } from './broken/rules.js';
import { conformanceOf } from './fixtures/conformance-of.js';
import { failuresOf, named } from './fixtures/failures-of.js';

describe('a repository that offers everything', () => {
  conformanceOf(
    repositoryConformance(() => ruleRepository(SOUND)),
    [],
  );
});

describe('a repository in which', () => {
  test.each(repositoryDefects)(
    '$title fails the cases that say so, and no other',
    async ({ rules, breaks }) => {
      const cases = repositoryConformance(() => ruleRepository({ ...SOUND, ...rules() }));

      const failures = await failuresOf(cases);

      expect([...failures.keys()]).toEqual(named(breaks, cases));
      for (const [name, message] of failures) {
        expect(message.startsWith(`${name}\n`)).toBe(true);
        expect(message).toMatch(/\n {2}(To fix it|What this case checks): .{20}/);
      }
    },
  );

  test('nothing is wrong fails no case', async () => {
    expect(await failuresOf(repositoryConformance(() => ruleRepository(SOUND)))).toEqual(new Map());
  });
});

test('each case is failed by a broken repository that fails no other case', () => {
  const cases = repositoryConformance(() => ruleRepository(SOUND));
  const single = repositoryDefects.filter(({ breaks }) => breaks.length === 1);
  const failed = new Set(single.flatMap(({ breaks }) => named(breaks, cases)));
  expect(cases.map(({ name }) => name).filter((name) => !failed.has(name))).toEqual([]);
});
