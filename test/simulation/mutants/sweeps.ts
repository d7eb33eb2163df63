import type { Mutant } from './mutant.js';

/** Sweeps and resumes that leave a run without a job, or give it too many. */
export const sweeps: readonly Mutant[] = [
  {
    name: 'a sweep enqueues nothing',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'await handle.enqueue(job);',
        replace: '',
      },
    ],
  },
  {
    name: 'a sweep enqueues without allotting',
    breaks: [12, 14],
    edits: [
      {
        file: 'src/run/changes/sweep-run.ts',
        find: '        ...withNextStep(shard),\n        sweeps: shard.sweeps + 1,',
        replace: '        ...shard,\n        sweeps: shard.sweeps + 1,',
      },
    ],
  },
  {
    name: 'the patience of sweeps never grows',
    breaks: [13],
    edits: [
      {
        file: 'src/run/changes/sweep-run.ts',
        find: 'sweeps: shard.sweeps + 1,',
        replace: 'sweeps: shard.sweeps,',
      },
    ],
  },
  {
    name: 'the patience of sweeps is not reset by a committed batch',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: '        sweeps: 0,\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a sweep does not complete a run',
    breaks: [14, 15],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'const isUncompleted = isWorkable(run.header.state) && isAllDone(run);',
        replace: 'const isUncompleted = false;',
      },
    ],
  },
  {
    name: 'resume enqueues nothing',
    breaks: [14],
    edits: [
      {
        file: 'src/service/control-run.ts',
        find: 'await handle.enqueue(job, { startAfter: startOf(shard, runtime.now()) });',
        replace: 'void job;',
      },
    ],
  },
  {
    name: 'resume does not complete a run',
    breaks: [14],
    edits: [
      {
        file: 'src/service/control-run.ts',
        find: 'return open.length > 0 ? run : (await completeRun(context, handle, run)).run;',
        replace: 'return run;',
      },
    ],
  },
  {
    name: 'the last job decides with an old record whether the run is complete',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: "    case 'shard-done':\n      return endShard",
        replace:
          "    case 'shard-done':\n      if (!run.shards.every(({ done }) => done)) return conclusion(run, 'continued');\n      return endShard",
      },
    ],
  },
  {
    name: 'a sweep enqueues only the steps that its last try allotted',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'swept.push(...(change?.shards ?? []));',
        replace: 'if (change !== null) swept.splice(0, swept.length, ...(change.shards ?? []));',
      },
    ],
  },
  {
    name: 'a sweep whose answer was lost enqueues nothing',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'swept.push(...(change?.shards ?? []));',
        replace: 'swept.splice(0, swept.length, ...(change?.shards ?? []));',
      },
    ],
  },
  {
    name: 'a sweep forgets its job when an older one has committed since',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: ' || sweeps === 0',
        replace: '',
      },
    ],
  },
];
