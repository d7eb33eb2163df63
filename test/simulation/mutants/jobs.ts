import type { Mutant } from './mutant.js';

/** Jobs and continuations that are lost, doubled or go on where they must not. */
export const jobs: readonly Mutant[] = [
  {
    name: 'a refused job goes on, whatever state the run is in',
    breaks: [7],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: "if (!isWorkable(stored.header.state)) return endedBy('stopped');",
        replace: '',
      },
    ],
  },
  {
    name: 'pause, cancel and failure do not fence the shards',
    breaks: [7],
    edits: [
      {
        file: 'src/run/changes/run-change.ts',
        find: 'return { header, shards };',
        replace: 'return { header };',
      },
    ],
  },
  {
    name: 'every delivery stores its step as the committed step',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: 'const run = await handle.load();',
        replace: `const { run } = await handle.change((stored) => {
          const shard = stored.shards[job.shard];
          const isMine = shard !== undefined && !shard.done && job.step > shard.committedStep;
          return isMine ? { shards: [{ ...shard, committedStep: job.step }] } : null;
        });`,
      },
    ],
  },
  {
    name: 'the continuation has the key of the job before it',
    breaks: [12, 14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'await handle.enqueue({ shard, step: step + 1 },',
        replace: 'await handle.enqueue({ shard, step },',
      },
    ],
  },
  {
    name: 'the continuation is enqueued before its step is allotted',
    breaks: [12],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: '  const { run, changed } = await handle.change((stored) => allot(',
        replace:
          '  await handle.enqueue({ shard, step: step + 1 });\n  const { run, changed } = await handle.change((stored) => allot(',
      },
    ],
  },
  {
    name: 'the continuation is never enqueued',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'await handle.enqueue({ shard, step: step + 1 }, { startAfter: startOf(now, runtime.now()) });',
        replace: '{}',
      },
    ],
  },
  {
    name: 'an error of the queue is ignored',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'await handle.enqueue({ shard, step: step + 1 }, { startAfter: startOf(now, runtime.now()) });',
        replace:
          'await handle.enqueue({ shard, step: step + 1 }, { startAfter: startOf(now, runtime.now()) }).catch(() => {});',
      },
    ],
  },
  {
    name: 'a job that has to shut down does not hand over',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: "session.end('hand-over');",
        replace: "session.end('yielded');",
      },
    ],
  },
  {
    name: 'a job does not rescue a continuation that was never enqueued',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/assess-delivery.ts',
        find: "return allottedStep === job.step + 1 ? 'rescue' : 'superseded';",
        replace: "return 'superseded';",
      },
    ],
  },
  {
    name: 'a job succeeds although its run is not stored (yet)',
    breaks: [14],
    edits: [
      {
        file: 'src/service/create-backfill-service.ts',
        find: 'return performJob(createRunContext({ ...input, ...call }, { dryRun: false }), job);',
        replace: `return performJob(createRunContext({ ...input, ...call }, { dryRun: false }), job).catch((error) => {
          if (error.code === 'RUN_NOT_FOUND') return null;
          throw error;
        });`,
      },
    ],
  },
  {
    name: 'a job that is superseded throws',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: "return conclusion(run, 'superseded');",
        replace: "throw new Error('superseded');",
      },
    ],
  },
  {
    name: 'a job enqueues a step that it could not allot, because the run was paused meanwhile',
    breaks: [12],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'if (changed && now !== undefined && now.allottedStep > step)',
        replace: 'if (changed && now !== undefined)',
      },
    ],
  },
  {
    name: 'a job does not notice at its end that its shard is done',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'if (now?.done === true) return endShard(context, handle, { run, job, beside });',
        replace: '',
      },
    ],
  },
  {
    name: 'a job that has to shut down while it splits a run forgets the other shards',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/freeze-run.ts',
        find: 'await lasting.change((stored) =>',
        replace: 'await session.handle.change((stored) =>',
      },
    ],
  },
  {
    name: 'a script that takes up a paused run enqueues its jobs',
    breaks: [12],
    edits: [
      {
        file: 'src/run/run-backfill.ts',
        find: 'const open = isWorkable(run.header.state) ? openShards(run.shards) : [];',
        replace: 'const open = openShards(run.shards);',
      },
    ],
  },
  {
    name: 'an older job goes on when a younger one has committed since it was delivered',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/assess-stored.ts',
        find: "if (!isOwn(now) && isOvertaken(before, now, job.step)) return endedBy('superseded');",
        replace: '',
      },
    ],
  },
  {
    name: 'a job that has to shut down ignores a failure',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: 'const isShutdown = aborted && (error === reason || context.queue === null);',
        replace: 'const isShutdown = aborted;',
      },
    ],
  },
];
