import type { Mutant } from './mutant.js';

/** Retries of other instances than those that have failed, or of keys that belong to others. */
export const retries: readonly Mutant[] = [
  {
    name: 'a retry passes over a failed instance',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'of items) listed.add(instanceId);',
        replace: 'of items.slice(0, 2)) listed.add(instanceId);',
      },
    ],
  },
  {
    name: 'a retry requests all instances',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'instanceIds: ids,',
        replace: 'instanceIds: null,',
      },
    ],
  },
  {
    name: 'a retry keeps the limit of its run',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'limit: null, ',
        replace: '',
      },
    ],
  },
  {
    name: 'a retry requests keys that newer runs have taken',
    breaks: [18, 32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'return header.definition.paths.filter(({ key }) => !lost.includes(key));',
        replace: 'return header.definition.paths;',
      },
    ],
  },
  {
    name: 'a retry leaves keys out that nobody has taken',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: '!lost.includes(key)',
        replace: "key === 'b'",
      },
    ],
  },
  {
    name: 'a retry finds that all keys are taken, although none is',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'return header.definition.paths.filter(({ key }) => !lost.includes(key));',
        replace: 'return [];',
      },
    ],
  },
  {
    name: 'a retry does not know from where an unfinished run has filled its keys',
    breaks: [21],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'requester, formerPaths, diff: null }',
        replace: 'requester, diff: null }',
      },
    ],
  },
  {
    name: 'a retry of a dry run writes',
    breaks: [32],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: '{ ...definition, paths,',
        replace: '{ ...definition, dryRun: false, paths,',
      },
    ],
  },
  {
    name: 'the failures of the walks before are retried, too',
    breaks: [32],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: '{ from: shard.failuresFrom, to: shard.failureRecords }',
        replace: '{ from: 0, to: shard.failureRecords }',
      },
    ],
  },
];
