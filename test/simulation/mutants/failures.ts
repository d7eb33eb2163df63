import type { Mutant } from './mutant.js';

/** Failures that are listed twice, or not at all, or although nobody has failed. */
export const failures: readonly Mutant[] = [
  {
    name: 'failures are stored in a commit of their own, before their checkpoint',
    breaks: [28],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'result = await context.repository.commit({',
        replace: `const own = lists.recordsAt(before, countOutcomes(entries, { gone: [], kept: [], moved: [] }, keys), revisions);
        const names = own.map(({ id }) => ({ id, revision: null }));
        if (own.length > 0)
          await context.repository.commit({ processModelId: run.header.processModelId, expected: names, instances: [], next: () => own });
        result = await context.repository.commit({`,
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: ', ...lists.recordsAt(before, counted, revisions)];',
        replace: '];',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'expected: expectedOf(session, lists),',
        replace: 'expected: expectedOf(session, lists).slice(0, 1),',
      },
    ],
  },
  {
    name: 'failures are stored as planned, also those of instances that are gone or left behind',
    breaks: [28],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: "...recordsOf('failures', shard, counted.failures,",
        replace: "...recordsOf('failures', shard, possibleFailures(entries),",
      },
    ],
  },
  {
    name: 'of many failures of a batch, only the first record is stored',
    breaks: [28],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'packItems(possibleFailures(entries)).length;',
        replace: 'Math.min(1, packItems(possibleFailures(entries)).length);',
      },
    ],
  },
  {
    name: 'records of failures have no limited size',
    breaks: [16],
    edits: [
      {
        file: 'src/run/record/listed-records.ts',
        find: 'bytes > left',
        replace: 'bytes < 0',
      },
    ],
  },
  {
    name: 'a record of failures is not named by the commit that stores it',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'expected: expectedOf(session, lists),',
        replace: 'expected: expectedOf(session, lists).slice(0, 1),',
      },
    ],
  },
  {
    name: 'a shard does not count its records of failures',
    breaks: [28],
    edits: [
      {
        file: 'src/run/job/list-outcomes.ts',
        find: 'failureRecords: shard.failureRecords + failures,',
        replace: 'failureRecords: shard.failureRecords,',
      },
    ],
  },
  {
    name: 'a run lists the failures of all its walks',
    breaks: [28],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'failuresFrom: shard.failureRecords,',
        replace: '',
      },
    ],
  },
  {
    name: 'each walk numbers its records of failures from the beginning',
    breaks: [15, 28],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'failuresFrom: shard.failureRecords,',
        replace: 'failuresFrom: 0, failureRecords: 0,',
      },
    ],
  },
  {
    name: 'an instance that fails because it is busy is not listed',
    breaks: [28],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'return mayBeBusy ? [',
        replace: 'return mayBeBusy && writes === null ? [',
      },
    ],
  },
  {
    name: 'a page of failures ends with the records that are loaded at once',
    breaks: [28],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'place = firstPlace(name, run, next);',
        replace: 'place = next.number < end ? firstPlace(name, run, next) : null;',
      },
    ],
  },
  {
    name: 'a page of failures begins with those of earlier walks',
    breaks: [28],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'Math.max(records.from, index === from.shard ? from.number : 0);',
        replace: 'index === from.shard ? from.number : 0;',
      },
    ],
  },
  {
    name: 'a list shows the counts of the first time that a run has ended',
    breaks: [33],
    edits: [
      {
        file: 'src/run/calls/run-records.ts',
        find: 'counts: isActive(header.state) ? null : countsOf({ header, shards })',
        replace: 'counts: header.counts ?? (isActive(header.state) ? null : countsOf({ header, shards }))',
      },
    ],
  },
];
