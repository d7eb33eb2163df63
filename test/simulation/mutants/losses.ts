import type { Mutant } from './mutant.js';

/** What goes wrong when the database has lost its last commits. */
export const losses: readonly Mutant[] = [
  {
    name: 'losses: a revision is given again after a loss',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'const revision = newRevision(context.runtime);',
        replace: "const revision = String(before.changes + 1).padStart(16, '0');",
      },
    ],
  },
  {
    name: 'losses: as many commits as before are taken for the same checkpoint',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: `    now.committedBy === before.committedBy &&
    isDeepStrictEqual([now.after, now.upTo], [before.after, before.upTo])
`,
        replace: '    true\n',
      },
    ],
  },
  {
    name: 'losses: a job that finds fewer commits than it knows of takes another one for faster',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: 'return { ...GOES_ON, isLoss: true };',
        replace: "return endedBy('superseded');",
      },
    ],
  },
  {
    name: 'losses: a job goes on although one of a later step has committed since the loss',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: 'now.commits < before.commits && now.committedStep <= job.step',
        replace: 'now.commits < before.commits',
      },
    ],
  },
  {
    name: 'losses: a job commits a batch although the database has lost a change of its shard',
    breaks: [11],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: 'isSameHeader && isWhole && isSameCheckpoint(now, before)',
        replace: 'isSameHeader && isSameCheckpoint(now, before)',
      },
    ],
  },
  {
    name: 'losses: a job goes on with a shard although the freeze is lost',
    breaks: [1, 4, 7, 14, 15, 16],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: 'now.walk !== before.walk || (before.total !== null && now.total === null)',
        replace: 'now.walk !== before.walk',
      },
    ],
  },
  {
    name: 'losses: a job stores a step that the database has lost without allotting it again',
    breaks: [12],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'Math.max(before.allottedStep, job.step)',
        replace: 'before.allottedStep',
      },
    ],
  },
  {
    name: 'losses: a continuation is not allotted, because the step before is lost',
    breaks: [14],
    edits: [
      {
        file: 'src/run/changes/allot-step.ts',
        find: 'return shard.allottedStep <= step ?',
        replace: 'return shard.allottedStep === step ?',
      },
    ],
  },
  {
    name: 'losses: a run is completed although the end of a shard is lost',
    breaks: [8],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
        find: 'return fenced(run, { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now });',
        replace:
          'return { header: { ...header, state, total: Math.max(header.total ?? 0, visited(tally)), endedAt: now } };',
      },
    ],
  },
  {
    name: 'losses: a request does not name an ended run on which it was decided',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'for (const runId of fillers) if (!isShown(runId)) sort(await loadRun(situation, runId));',
        replace:
          'for (const runId of fillers) if (!isShown(runId)) { const run = await loadRun(situation, runId); if (run !== null && isActive(run.header.state)) active.push(run.header); }',
      },
    ],
  },
  {
    name: 'losses: a commit that is refused twice is taken for a fault of the repository',
    breaks: [15],
    edits: [
      {
        file: 'src/run/calls/open-run.ts',
        find: 'return times >= MOST_REFUSALS;',
        replace: 'return times >= 2;',
      },
    ],
  },
  {
    name: 'losses: a job that has finished its shard leaves its own step of the next walk to another job',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: ' || shard.allottedStep <= job.step ? null',
        replace: ' ? null',
      },
    ],
  },
  {
    name: 'losses: a job is dropped because the database has lost that its step was allotted',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/assess-delivery.ts',
        find: "return job.step < committedStep ? 'superseded' : 'work';",
        replace: "return job.step > allottedStep || job.step < committedStep ? 'superseded' : 'work';",
      },
    ],
  },
];
