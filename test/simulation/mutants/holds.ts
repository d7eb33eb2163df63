import type { Mutant } from './mutant.js';

/** Jobs that begin too early, and runs without a queue. */
export const holds: readonly Mutant[] = [
  {
    name: 'a job works before the start of its run',
    breaks: [25],
    edits: [
      {
        file: 'src/run/changes/freeze-walk.ts',
        find: '  if (first !== undefined && isHeld(first, now)) return null;\n',
        replace: '',
      },
      {
        file: 'src/run/job/freeze-run.ts',
        find: '    await waitWhileHeld(context, session);\n',
        replace: '',
      },
      {
        file: 'src/run/job/perform-job.ts',
        find: 'if (session.ending === null) await waitWhileHeld(context, session);',
        replace: '',
      },
    ],
  },
  {
    name: 'a job goes on although another job holds its shard',
    breaks: [25],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: "if (isHeld(session.shard, context.runtime.now())) return { status: 'outdated' };",
        replace: '',
      },
    ],
  },
  {
    name: 'every early job is handed back',
    breaks: [13],
    edits: [
      {
        file: 'src/run/changes/hold-shard.ts',
        find: 'if (!isHeld(shard, now) || step <= shard.handedBack) return null;',
        replace: 'if (!isHeld(shard, now)) return null;',
      },
    ],
  },
  {
    name: 'no early job is handed back',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'return sendBack(context, handle, job);',
        replace: "return conclusion(run, 'continued');",
      },
    ],
  },
  {
    name: 'a sweep is in vain although its job has not begun',
    breaks: [26],
    edits: [
      {
        file: 'src/run/changes/sweep-run.ts',
        find: 'return sweeps > 0 && started === allottedStep;',
        replace: 'return sweeps > 0;',
      },
    ],
  },
  {
    name: 'the job of a swept shard does not note that it has begun',
    breaks: [26],
    edits: [
      {
        file: 'src/run/changes/allot-step.ts',
        find: 'const isSwept = shard.sweeps > 0 && shard.started < step;',
        replace: 'const isSwept = false;',
      },
    ],
  },
  {
    name: 'sweeps in vain still count after a committed batch',
    breaks: [26],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: '        vain: 0,\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a sweep enqueues a job for a run without a queue',
    breaks: [25],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'if (isWorkable(state) && hasQueue)',
        replace: 'if (isWorkable(state))',
      },
    ],
  },
  {
    name: 'a job of a queue works on a run without one',
    breaks: [25],
    edits: [
      {
        file: 'src/run/job/assess-delivery.ts',
        find: "if (isQueued && !header.hasQueue) return 'superseded';",
        replace: '',
      },
    ],
  },
  {
    name: 'a run without a queue gets none when it is resumed',
    breaks: [15, 25],
    edits: [
      {
        file: 'src/run/changes/resume-run.ts',
        find: 'hasQueue: header.hasQueue || hasQueue,',
        replace: 'hasQueue: header.hasQueue,',
      },
    ],
  },
  {
    name: 'a join keeps the later start',
    breaks: [14],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: 'if (first.heldFor !== START_AFTER || (startAfter ?? now) >= (first.heldUntil ?? 0)) return [];',
        replace: 'return [];',
      },
    ],
  },
  {
    name: 'a join moves the start forward without a new job',
    breaks: [14],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: 'return [isWorkable(header.state) ? withNextStep(sooner) : sooner];',
        replace: 'return [sooner];',
      },
    ],
  },
  {
    name: 'a join enqueues only the job that the runner may have given up',
    breaks: [14],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: 'if (!isHeld(first, now)) return isWorkable(header.state) ? [withNextStep(first)] : [];',
        replace: 'if (!isHeld(first, now)) return [];',
      },
    ],
  },
  {
    name: 'a join forgets the step that an earlier try has allotted',
    breaks: [14],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'change.shards.length > 0) calledFor.add(equal.header.runId);',
        replace: 'false) calledFor.add(equal.header.runId);',
      },
    ],
  },
];
