/** A deliberate defect, and the invariants of which it has to break at least one. */
export interface Mutant {
  readonly name: string;
  readonly breaks: readonly number[];
  /** It takes hundreds of seeds or thousands to catch it: several things have to come together. */
  readonly isRare?: true;
  readonly edits: readonly Edit[];
}

/** `find` must be there exactly once, so that no mutant rots unnoticed. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** What the kit has to notice. One that survives is a hole in the kit. */
export const mutants: readonly Mutant[] = [
  {
    name: 'values are written before their checkpoint, in a commit of their own',
    breaks: [5],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'const result = await repository.commit({',
        replace: `await repository.commit({ processModelId: run.header.processModelId, expected: [], instances: step.instances, next: () => [] });
        const result = await repository.commit({`,
      },
    ],
  },
  {
    name: 'the checkpoint is written before its values',
    breaks: [4, 5],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'instances: step.instances,',
        replace: 'instances: [],',
      },
      {
        file: 'src/run/job/shard-session.ts',
        find: "if (result.status === 'committed') adoptShard(committed);",
        replace: `if (result.status === 'committed') {
          adoptShard(committed);
          await repository.commit({ processModelId: run.header.processModelId, expected: [], instances: step.instances, next: () => [] });
        }`,
      },
    ],
  },
  {
    name: 'counters are computed before the transaction',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'const batch = step.count(outcome);',
        replace: 'const batch = step.count({ gone: [], kept: [] });',
      },
    ],
  },
  {
    name: 'an empty page is believed',
    breaks: [8],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: '...(exhausted === undefined ? {} : { exhausted }),',
        replace: '',
      },
    ],
  },
  {
    name: 'the store replaces whatever is there',
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
        find: 'if (stale.length > 0) {',
        replace: 'if (stale.length > 100) {',
      },
    ],
  },
  {
    name: 'the version of a page is not given back',
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
    name: 'the row that was seen is not given back',
    breaks: [10],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'else values.push({ key, value: form, replaces: stored });',
        replace: 'else values.push({ key, value: form });',
      },
    ],
  },
  {
    name: 'running instances get null rows',
    breaks: [11],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: ' && running !== true)',
        replace: ')',
      },
    ],
  },
  {
    name: 'values that are there already are written again',
    breaks: [17],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: "else if (isDeepStrictEqual(stored.value, form)) return 'kept';",
        replace: '',
      },
    ],
  },
  {
    name: 'a run goes on to write keys that a newer request has taken over',
    breaks: [9],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'isDropped: rules.dropped.includes(key)',
        replace: 'isDropped: false',
      },
    ],
  },
  {
    name: 'a bisected batch has one checkpoint, at its end',
    breaks: [4, 5],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: `  batch: readonly PlannedEntry[],
): Promise<StepResult> {
  const result = await commitBatch(worker, session, batch);`,
        replace: `  batch, isHeld = false) {
  const result = await commitBatch(worker, session, batch, isHeld);`,
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'batch.slice(0, half));',
        replace: 'batch.slice(0, half), true);',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: `  batch: readonly PlannedEntry[],
): Promise<StepResult> {
  const { header } = session.run;`,
        replace: `  batch, isHeld = false) {
  const { header } = session.run;`,
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'after: batch.at(-1)?.cursor ?? session.shard.after,',
        replace: 'after: isHeld ? session.shard.after : (batch.at(-1)?.cursor ?? session.shard.after),',
      },
    ],
  },
  {
    name: 'half of a batch moves the checkpoint past the other half',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'const half = Math.ceil(batch.length / 2);',
        replace: 'const half = Math.ceil(batch.length / 2); session.past = batch.at(-1).cursor;',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'after: batch.at(-1)?.cursor ?? session.shard.after,',
        replace: 'after: session.past ?? batch.at(-1)?.cursor ?? session.shard.after,',
      },
    ],
  },
  {
    name: 'a page that was read ahead is used wherever the checkpoint is',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'const isNext = found !== null && isSame(found.query.after, after);',
        replace: 'const isNext = found !== null;',
      },
    ],
  },
  {
    name: 'what is cut off a page, because batches have become smaller, is passed over',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'return cutPage(page, limit);',
        replace:
          'session.past = page.length > limit ? page.at(-1).cursor : null; return cutPage(page, limit);',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'after: batch.at(-1)?.cursor ?? session.shard.after,',
        replace:
          'after: (batch.length > 0 && session.past) || (batch.at(-1)?.cursor ?? session.shard.after),',
      },
    ],
  },
  {
    name: 'complete instances next to one another are counted once',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'processed += instances;',
        replace: 'processed += 1;',
      },
    ],
  },
  {
    name: 'complete instances before others are left out of a batch',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'return cutPage(page, limit);',
        replace:
          "return cutPage(page, limit).filter((entry) => !('complete' in entry) || entry === page.at(-1));",
      },
    ],
  },
  {
    name: 'a shard is finished again and again',
    breaks: [8],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: "if (committed.done) ending ??= 'shard-done';",
        replace: 'if (committed.done) return;',
      },
    ],
  },
  {
    name: 'a batch is committed again after an unknown outcome, without looking whether it landed',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: `        const result = await lookAround(step);
        if (typeof result`,
        replace: `        if (failure !== null && classifyError(repository, failure.error) === 'transient') {
          adopt(await loadRun(repository, ports, job.runId));
          if (ending !== null) return { status: 'moved' };
          continue;
        }
        const result = await lookAround(step);
        if (typeof result`,
      },
    ],
  },
  {
    name: 'whoever raised the revision by one is taken for this job',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'if (now.holder === holder && isAt(now.after, step.after) && now.done === step.done) {',
        replace: 'if (now.revision === before.revision + 1) {',
      },
      {
        file: 'src/run/job/shard-session.ts',
        find: 'adoptShard(now);',
        replace: 'adoptShard({ ...now, after: step.after, done: step.done });',
      },
    ],
  },
  {
    name: 'a job that is refused goes on whoever committed, in whatever state the run is',
    breaks: [7],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: "if (!isWorkable(run.header.state)) ending ??= 'stopped';",
        replace: 'if (false) return;',
      },
    ],
  },
  {
    name: 'pause, cancel and failure do not fence the shards',
    breaks: [7],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return { header, shards: openShards(shards) };',
        replace: 'return { header };',
      },
    ],
  },
  {
    name: 'every delivery takes the shard for itself',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: 'const run = await loadRun(worker.repository, ports, job.runId);',
        replace: `const { run } = await changeRun(worker.repository, ports, job.runId, (stored) => {
          const shard = stored.shards[job.shard];
          const isMine = shard !== undefined && !shard.done && job.step > shard.epoch;
          return isMine ? { shards: [{ ...shard, epoch: job.step }] } : null;
        });`,
      },
    ],
  },
  {
    name: 'the continuation has the key of its predecessor',
    breaks: [12, 14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'const next = { ...job, step: step + 1 };',
        replace: 'const next = { ...job };',
      },
    ],
  },
  {
    name: 'the continuation is enqueued before its step is allotted',
    breaks: [12],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: '  const { run, changed } = await changeRun(repository, ports, job.runId, (stored) =>\n    allot(',
        replace:
          '  await enqueueStep(queue, { ...job, step: step + 1 });\n  const { run, changed } = await changeRun(repository, ports, job.runId, (stored) =>\n    allot(',
      },
    ],
  },
  {
    name: 'the continuation is never enqueued',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: "await ports.call('queue.enqueue', () => enqueueStep(queue, next, options));",
        replace: '',
      },
    ],
  },
  {
    name: 'a queue that is down is passed over in silence',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: "await ports.call('queue.enqueue', () => enqueueStep(queue, next, options));",
        replace: 'await enqueueStep(queue, next, options).catch(() => {});',
      },
    ],
  },
  {
    name: 'a job that is told to shut down ends in silence',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: "session.end('turn-over');",
        replace: "session.end('yielded');",
      },
    ],
  },
  {
    name: 'a job whose successor was never enqueued does not rescue it',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/claim-job.ts',
        find: "return shard.step === job.step + 1 ? 'rescue' : 'superseded';",
        replace: "return 'superseded';",
      },
    ],
  },
  {
    name: 'a run that is not there (yet) is answered with success',
    breaks: [14],
    edits: [
      {
        file: 'src/service/create-backfill-service.ts',
        find: 'return performJob(createWorker({ ...input, ...call }), job);',
        replace: `return performJob(createWorker({ ...input, ...call }), job).catch((error) => {
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
    name: 'a sweep enqueues nothing',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'await tools.enqueue(job);',
        replace: '',
      },
    ],
  },
  {
    name: 'a sweep enqueues without allotting',
    breaks: [12, 14],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'step: shard.step + 1, swept: shard.swept + 1, sweptAt: now',
        replace: 'swept: shard.swept + 1, sweptAt: now',
      },
    ],
  },
  {
    name: 'the patience of sweeps never grows',
    breaks: [13],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'swept: shard.swept + 1, sweptAt: now',
        replace: 'swept: shard.swept, sweptAt: now',
      },
    ],
  },
  {
    name: 'the patience of sweeps is not reset by a committed batch',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: '          swept: 0,\n',
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
        find: 'await tools.enqueue({ runId, shard: shard.index, step: shard.step }, { startAfter });',
        replace: 'void startAfter;',
      },
    ],
  },
  {
    name: 'resume does not complete a run',
    breaks: [14],
    edits: [
      {
        file: 'src/service/control-run.ts',
        find: 'return open.length > 0 ? run : (await completeRun(worker, ports, runId)).run;',
        replace: 'return run;',
      },
    ],
  },
  {
    name: 'whether the run is complete is decided by what the last job knew before it had finished',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: "    case 'shard-done':\n      return completeRun(worker, ports, job.runId);",
        replace:
          "    case 'shard-done':\n      return isAllDone(run) ? completeRun(worker, ports, job.runId) : conclusion(run, 'continued');",
      },
    ],
  },
  {
    name: 'a run is completed although it was asked for again',
    breaks: [3],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: "if (header.state !== 'running' || header.again || !isAllDone({ shards })) return null;\n  const tooMany",
        replace: "if (header.state !== 'running' || !isAllDone({ shards })) return null;\n  const tooMany",
      },
    ],
  },
  {
    name: 'late instances do not raise the total',
    breaks: [2],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'total: Math.max(header.total ?? 0, visited(tally)), endedAt: now',
        replace: 'endedAt: now',
      },
    ],
  },
  {
    name: 'the bound is frozen when the run is requested',
    breaks: [3, 16],
    edits: [
      {
        file: 'src/service/request-run.ts',
        find: 'const wanted = newRun(processModelId, definition, { runtime, claim, startAfter });',
        replace: `const fresh = newRun(processModelId, definition, { runtime, claim, startAfter });
        const { instanceIds, limit } = definition;
        const survey = await tools.worker.repository.surveyInstances({ processModelId, instanceIds, limit, after: null, signal: new AbortController().signal });
        const header = { ...fresh.header, state: 'running', total: survey.total, upTo: survey.upTo, startedAt: runtime.now() };
        const wanted = { header, shards: fresh.shards.map((shard) => ({ ...shard, upTo: survey.upTo, done: survey.upTo === null })) };`,
      },
      {
        file: 'src/service/request-run.ts',
        find: "if (state === 'pending') {",
        replace: "if (state === 'pending' || created) {",
      },
    ],
  },
  {
    name: 'the sample of failures has no end',
    isRare: true,
    breaks: [16],
    edits: [
      {
        file: 'src/run/record/tally.ts',
        find: '.slice(0, FAILURE_SAMPLE)',
        replace: '',
      },
    ],
  },
  {
    name: 'failures are borne without end by whoever comes after a crash',
    breaks: [8],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'if (tooMany !== null) return tooMany;',
        replace: '',
      },
      {
        file: 'src/run/job/walk-shard.ts',
        find: 'if (tallyOf(session.run).failed === 0) return;',
        replace: 'if (true) return;',
      },
    ],
  },
  // What the simulator has found in the library itself:
  {
    name: 'a job enqueues a step that it could not allot, because the run was paused meanwhile',
    breaks: [12],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'if (changed && (run.shards[job.shard]?.step ?? 0) > step) {',
        replace: 'if (changed) {',
      },
    ],
  },
  {
    name: 'a job does not notice at its end that its shard is done',
    isRare: true,
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'if (run.shards[job.shard]?.done === true) return completeRun(worker, ports, job.runId);',
        replace: '',
      },
    ],
  },
  {
    name: 'a job that is told to shut down while it parts a run forgets the other shards',
    isRare: true,
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/freeze-run.ts',
        find: 'await changeRun(repository, settling, header.runId',
        replace: 'await changeRun(repository, session.ports, header.runId',
      },
    ],
  },
  {
    name: 'a script that takes up a paused run enqueues jobs of it',
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
    name: 'a sweep enqueues what its last try has allotted, and nothing of the tries before',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'missed.push(...(change?.shards ?? []));',
        replace: 'if (change !== null) missed.splice(0, missed.length, ...(change.shards ?? []));',
      },
    ],
  },
  {
    name: 'a sweep whose answer was lost enqueues nothing',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'missed.push(...(change?.shards ?? []));',
        replace: 'missed.splice(0, missed.length, ...(change?.shards ?? []));',
      },
    ],
  },
  {
    name: 'a request takes the keys of a run that has ended',
    isRare: true,
    breaks: [7],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'if (!isActive(header.state)) return null;',
        replace: '',
      },
    ],
  },
  {
    name: 'a request joins a run that has ended',
    isRare: true,
    breaks: [3],
    edits: [
      {
        file: 'src/service/request-run.ts',
        find: 'if (isActive(header.state) && header.claim === claim)',
        replace: 'if (header.claim === claim)',
      },
    ],
  },
  {
    name: 'an older job goes on when a younger one has committed since it was delivered',
    breaks: [6],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: "else if (isOvertaken(before, now)) ending ??= 'superseded';",
        replace: '',
      },
    ],
  },
  {
    name: 'a sweep forgets its job when an older one has committed since',
    isRare: true,
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: ' || swept === 0',
        replace: '',
      },
    ],
  },
  {
    name: 'an equal request joins a run that has counted, but not begun',
    isRare: true,
    breaks: [3],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'if (!isActive(header.state) || header.again ||',
        replace: "if (!isActive(header.state) || header.state === 'pending' || header.again ||",
      },
    ],
  },
  {
    name: 'a job that is told to shut down passes over a failure in silence',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/perform-job.ts',
        find: 'const isShutdown = aborted && (error === reason || worker.queue === null);',
        replace: 'const isShutdown = aborted;',
      },
    ],
  },
];
