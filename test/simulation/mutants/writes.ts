import type { Mutant } from './mutant.js';

/** Rows that are replaced, cleared or counted although they must not be. */
export const writes: readonly Mutant[] = [
  {
    name: 'the store replaces any row',
    breaks: [9],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'return row === undefined || (row.value === null && value !== null);',
        replace: 'return true;',
      },
    ],
  },
  {
    name: 'the store lets null replace a value',
    breaks: [9],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: '(row.value === null && value !== null)',
        replace: 'value === null',
      },
    ],
  },
  {
    name: 'the store does not compare the row that is to be replaced',
    breaks: [9],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'return tokens ? row.token === replaces.token : row.value === replaces.value;',
        replace: 'return true;',
      },
    ],
  },
  {
    name: 'the store does not compare revisions',
    breaks: [6],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'if (expected.some(({ id, revision }) => records.revisionOf(id, transaction) !== revision)) {',
        replace: 'if (expected.length === 0) {',
      },
    ],
  },
  {
    name: 'the store does not compare versions',
    breaks: [10],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'instance !== undefined && version !== undefined && version !== String(instance.version),',
        replace: 'instance === undefined && version !== undefined,',
      },
    ],
  },
  {
    name: 'a commit does not get the version that was read',
    breaks: [10],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'return version === undefined ? { id, values } : { id, values, version };',
        replace: 'return { id, values };',
      },
    ],
  },
  {
    name: 'a commit does not get the row that was read',
    breaks: [10],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'values.push({ key, value: form, replaces: stored });',
        replace: 'values.push({ key, value: form });',
      },
    ],
  },
  {
    name: 'running instances get null rows',
    breaks: [11],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: "const writesNull = missing === 'null' && !running;",
        replace: "const writesNull = missing === 'null';",
      },
    ],
  },
  {
    name: 'the store clears a row that was changed since it was read',
    breaks: [9],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'if (row === undefined) return false;',
        replace: 'if (row === undefined || value === undefined || value === null) return row !== undefined;',
      },
    ],
  },
  {
    name: 'a commit does not get the row that is to be cleared',
    breaks: [10],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: "values.push(missing === 'null' ? { key, value: null, replaces: stored } : { key, replaces: stored });",
        replace: 'values.push({ key, value: null });',
      },
    ],
  },
  {
    name: 'running instances are cleared',
    breaks: [11],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'if (!clear || running) return',
        replace: 'if (!clear) return',
      },
    ],
  },
  {
    name: 'a run clears although nobody asked for it',
    breaks: [9],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'if (!clear || running) return',
        replace: 'if (running) return',
      },
    ],
  },
  {
    name: 'rows are deleted where they should become null',
    breaks: [9],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: "values.push(missing === 'null' ? { key, value: null, replaces: stored } : { key, replaces: stored });",
        replace: 'values.push({ key, replaces: stored });',
      },
    ],
  },
  {
    name: 'a cleared value is not counted',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: "'missing-cleared': ['missing', 'orphaned', 'cleared'],",
        replace: "'missing-cleared': ['missing', 'orphaned'],",
      },
    ],
  },
  {
    name: 'a value that was not cleared, because a live writer came first, is counted as cleared',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: `  'null-cleared',
  'missing-cleared',
]);`,
        replace: ']);',
      },
    ],
  },
  {
    name: 'an orphaned value is not counted',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: '-orphaned`;',
        replace: '`;',
      },
    ],
  },
  {
    name: 'equal values are written again',
    breaks: [17],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: "if (isDeepStrictEqual(stored.value, form)) return 'kept';",
        replace: '',
      },
    ],
  },
];
