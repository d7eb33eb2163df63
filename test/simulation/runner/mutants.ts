/** A deliberate defect. It must break at least one of these invariants. */
export interface Mutant {
  readonly name: string;
  readonly breaks: readonly number[];
  /** It takes hundreds or thousands of seeds to catch it, because several things must coincide. */
  readonly isRare?: true;
  readonly edits: readonly Edit[];
}

/** `file` must contain `find` exactly once. Otherwise a mutant could lose its effect without anyone noticing. */
export interface Edit {
  /** From the root of the repository. */
  readonly file: string;
  readonly find: string;
  readonly replace: string;
}

/** All mutants. One that survives shows something that the simulation does not check. */
export const mutants: readonly Mutant[] = [
  {
    name: 'values are written before their checkpoint, in a commit of their own',
    breaks: [5],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'result = await context.repository.commit({',
        replace: `await context.repository.commit({ processModelId: session.run.header.processModelId, expected: [], instances, next: () => [] });
        result = await context.repository.commit({`,
      },
    ],
  },
  {
    name: 'the checkpoint is written before its values',
    breaks: [4, 5],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: '      instances,\n',
        replace: '      instances: [],\n',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: "if (result.status === 'committed') session.adoptShard(committed);",
        replace: `if (result.status === 'committed') {
          session.adoptShard(committed);
          await context.repository.commit({ processModelId: session.run.header.processModelId, expected: [], instances, next: () => [] });
        }`,
      },
    ],
  },
  {
    name: 'counters are computed before the transaction',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'const counted = countOutcomes(entries, outcome, keys);',
        replace: 'const counted = countOutcomes(entries, { ...outcome, gone: [], kept: [] }, keys);',
      },
    ],
  },
  {
    name: 'an empty page ends a shard without proof',
    breaks: [8],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: '...(exhausted === undefined ? {} : { exhausted }),',
        replace: '',
      },
    ],
  },
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
  {
    name: 'a run still writes keys that a newer request has taken over',
    breaks: [18],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'isDropped: rules.droppedKeys.includes(key)',
        replace: 'isDropped: false',
      },
    ],
  },
  {
    name: 'a request leaves the keys of other runs alone',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'for (const header of active) {',
        replace: 'for (const header of active.slice(0, 0)) {',
      },
    ],
  },
  {
    name: 'a request lists the active runs before it loads the owner record',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/change-model.ts',
        find: 'const owners = await loadOwners();\n        const decision = await decide(owners.keys, failedTries);',
        replace: `const decision = await decide((await loadOwners()).keys, failedTries);
        const owners = await loadOwners();`,
      },
    ],
  },
  {
    name: 'a request does not name the owner record',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/change-model.ts',
        find: 'change.keys === null ?',
        replace: 'true ?',
      },
    ],
  },
  {
    name: 'a resumed run keeps keys that others have by now',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'withoutKeys(resumed, outdatedKeys(header, keys), now)',
        replace: 'resumed',
      },
    ],
  },
  {
    name: 'a resume looks at the owner record, but does not name it',
    isRare: true,
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/change-model.ts',
        find: '{ keys, created: null, changed: [{ run, change }] }',
        replace: '{ keys: null, created: null, changed: [{ run, change }] }',
      },
    ],
  },
  {
    name: 'a trial of another path leaves no mark',
    isRare: true,
    breaks: [18],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'tried: owned.tried || !isSame',
        replace: 'tried: false',
      },
    ],
  },
  {
    name: 'a model update stops no run',
    breaks: [18],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'contestedKeys(header, updates)',
        replace: 'contestedKeys(header, [])',
      },
    ],
  },
  {
    name: 'a model update leaves the generation of its keys',
    isRare: true,
    breaks: [18],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'return segments === undefined || isSame',
        replace: 'return segments === undefined || isSame || true',
      },
    ],
  },
  {
    name: 'what an unfinished run owed is filled by nobody once the path has changed',
    breaks: [20],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'if (run === undefined || !changed.has(key)) return false;',
        replace: 'if (run !== null) return false;',
      },
    ],
  },
  {
    name: 'rows of a run that never completed stay when another run takes its key',
    breaks: [21],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'return { generation: claimed.generation, formerPaths: claimed.formerPaths };',
        replace: 'return { generation: claimed.generation, formerPaths: [] };',
      },
    ],
  },
  {
    name: 'a run over a taken key replaces any value',
    breaks: [9],
    edits: [
      {
        file: 'src/run/job/plan-instance.ts',
        find: 'return former.some((path) => {',
        replace: 'return former.length > 0 || former.some((path) => {',
      },
    ],
  },
  {
    name: 'pages of a run over a taken key skip its values',
    breaks: [21],
    edits: [
      {
        file: 'src/run/job/page-paths.ts',
        find: "mode === 'fill' && formerPaths.length === 0 ?",
        replace: "mode === 'fill' ?",
      },
      {
        file: 'src/run/job/page-paths.ts',
        find: "mode: 'overwrite',\n",
        replace: "mode: paths[0]?.mode ?? 'fill',\n",
      },
    ],
  },
  {
    name: 'a removal deletes whatever row there is',
    breaks: [9],
    edits: [
      {
        file: 'test/simulation/world/simulated-store.ts',
        find: 'return tokens ? row.token === replaces.token : row.value === replaces.value;',
        replace:
          'return value === undefined || (tokens ? row.token === replaces.token : row.value === replaces.value);',
      },
    ],
  },
  {
    name: 'a removal keeps its key in the owner record',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: "segments: mode === 'remove' ? null : segments",
        replace: 'segments',
      },
    ],
  },
  {
    name: 'a bisected batch has one checkpoint, at its end',
    breaks: [4, 5],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: `retries?: Retries): Promise<ShardCommitResult> {
    const part = batch.slice(settled, end);
    const result = await commitBatch(context, session, part, part.length > 1 ? { retries } : {});`,
        replace: `retries, isHeld = false) {
    const part = batch.slice(settled, end);
    const result = await commitBatch(context, session, part, part.length > 1 ? { retries } : {}, isHeld);`,
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'await settleUpTo(settled < half ? half : end, next);',
        replace: 'await settleUpTo(settled < half ? half : end, next, settled < half);',
      },
      {
        file: 'src/run/job/commit-batch.ts',
        find: `  options: Pick<ShardCommit, 'retries' | 'witness'> = {},
): Promise<ShardCommitResult> {`,
        replace: '  options = {}, isHeld = false): Promise<ShardCommitResult> {',
      },
      {
        file: 'src/run/job/commit-batch.ts',
        find: 'const after = entries.findLast(({ reread }) => reread === null)?.cursor ?? session.shard.after;',
        replace:
          'const after = isHeld ? session.shard.after : (entries.at(-1)?.cursor ?? session.shard.after);',
      },
    ],
  },
  {
    name: 'an instance is blamed for an outage that ends while it is being settled',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-refused-instance.ts',
        find: 'round < EXPERIMENTS && !speaksOfData(refusal)',
        replace: 'round < 0',
      },
    ],
  },
  {
    name: 'an instance is refused again in the same outage, because nobody asked whether it is over',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-refused-instance.ts',
        find: "if (!(await commitNothing(session))) return settledWith({ status: 'outdated' });",
        replace: '',
      },
    ],
  },
  {
    name: 'an instance is blamed without being tried once more after the outage',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-refused-instance.ts',
        find: `    const again = await commitBatch(context, session, alone, { retries: 'transient' });
    if (again.status !== 'rejected') return settledWith(again);
    refusal = again.error;
  }`,
        replace: '  }',
      },
    ],
  },
  {
    name: 'suspects: an instance is blamed although no other one goes through',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: "  if (!isProven) throw calls.failure('repository.commit', error);\n",
        replace: '',
      },
    ],
  },
  {
    name: 'suspects: the job gives up although one behind the instance goes through',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: 'if (!hasValues(other)) continue;',
        replace: 'continue;',
      },
    ],
  },
  {
    name: 'suspects: the job gives up although one before the instance has gone through',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: 'batch.slice(0, place).some(wentThrough) || ',
        replace: '',
      },
    ],
  },
  {
    name: 'suspects: the first is not tried again once another one goes through',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: `      const again = await commitBatch(context, session, suspects.slice(0, 1), { retries: 'transient' });
      if (again.status !== 'rejected') return { result: again, settled: place + 1 };
`,
        replace: '',
      },
    ],
  },
  {
    name: 'suspects: the others are not tried again once one goes through',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: 'index === 0 ? {',
        replace: 'index >= 0 ? {',
      },
    ],
  },
  {
    name: 'suspects: a transient error is the fault of an instance at once',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-refused-instance.ts',
        find: "kind === 'transient' || kind === 'doubtful'",
        replace: "kind === 'doubtful'",
      },
    ],
  },
  {
    name: 'suspects: a doubtful error is the fault of an instance at once',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-refused-instance.ts',
        find: "kind === 'transient' || kind === 'doubtful'",
        replace: "kind === 'transient'",
      },
    ],
  },
  {
    name: 'time-outs: the next batch is as large as the one that was too slow',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'if (isTooSlow) makeSmaller();',
        replace: '',
      },
    ],
  },
  {
    name: 'time-outs: filled instances count for the size that is learnt',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'Math.ceil((instances.length - reread.size) / 2)',
        replace: 'Math.ceil(commit.entries.length / 2)',
      },
    ],
  },
  {
    name: 'time-outs: later jobs do not know the size that was learnt',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/shard-session.ts',
        find: 'let limit = loaded.shards[job.shard]?.batchSizeLimit ?? null;',
        replace: 'let limit: number | null = null;',
      },
    ],
  },
  {
    name: 'time-outs: a page that was too slow is read again in the same size',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'query = { ...query, limit: Math.ceil(query.limit / 4) };',
        replace: '',
      },
    ],
  },
  {
    name: 'half of a batch moves the checkpoint past the other half',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'const half = settled + Math.ceil(part.length / 2);',
        replace: 'const half = settled + Math.ceil(part.length / 2); session.past = part.at(-1).cursor;',
      },
      {
        file: 'src/run/job/commit-batch.ts',
        find: 'const after = entries.findLast(({ reread }) => reread === null)?.cursor ?? session.shard.after;',
        replace: 'const after = session.past ?? entries.at(-1)?.cursor ?? session.shard.after;',
      },
    ],
  },
  {
    name: 'a page that was read ahead is used although the checkpoint has moved',
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
    name: 'instances cut off a page, because batches have become smaller, are skipped',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'return cutPage(page, limit);',
        replace:
          'session.past = page.length > limit ? page.at(-1).cursor : null; return cutPage(page, limit);',
      },
      {
        file: 'src/run/job/commit-batch.ts',
        find: 'const after = entries.findLast(({ reread }) => reread === null)?.cursor ?? session.shard.after;',
        replace:
          'const after = (entries.length > 0 && session.past) || (entries.at(-1)?.cursor ?? session.shard.after);',
      },
    ],
  },
  {
    name: 'filled instances in a row are counted as one',
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
    name: 'filled instances in the middle of a page are left out of a batch',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/read-pages.ts',
        find: 'return cutPage(page, limit);',
        replace:
          "return cutPage(page, limit).filter((entry) => !('filled' in entry) || entry === page.at(-1));",
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
    name: 'a batch is committed again after an unknown outcome, without checking whether it landed',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'const found = await lookAround(false);',
        replace: `if (classifyError(context.repository, error) === 'transient') {
          session.adopt(await session.handle.load());
          return session.ending === null ? null : { status: 'moved' };
        }
        const found = await lookAround(false);`,
      },
    ],
  },
  {
    name: 'a job takes any next commit for its own',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'const found = await findCheckpoint(session, committedBy);',
        replace: 'const found = await findCheckpoint(session, commit.after as never);',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'if (now.committedBy === committedBy) {',
        replace: 'if (now.commits === before.commits + 1) {',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'session.adoptShard(now);',
        replace: 'session.adoptShard({ ...now, after: committedBy as never });',
      },
    ],
  },
  {
    name: 'a refused job goes on, whatever state the run is in',
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
        file: 'src/run/record/run-changes.ts',
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
        file: 'src/run/record/run-changes.ts',
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
        find: 'return open.length > 0 ? run : (await completeRun(context, handle)).run;',
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
        find: "    case 'shard-done':\n      return completeRun(context, handle, company);",
        replace:
          "    case 'shard-done':\n      return run.shards.every(({ done }) => done) ? completeRun(context, handle, company) : conclusion(run, 'continued');",
      },
    ],
  },
  {
    name: 'a run is completed although it was to walk again',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'if (header.walkAgain) return beginNextWalk(run, now);',
        replace: '',
      },
    ],
  },
  {
    name: 'a walk is frozen without waiting for open transactions',
    breaks: [22],
    edits: [
      {
        file: 'src/run/job/wait-until-settled.ts',
        find: 'if (answer.settled || now >= since + settleMs) return answer;',
        replace: 'return { ...answer, settled: true };',
      },
    ],
  },
  {
    name: 'a walk waits only for transactions that were open at its last look',
    breaks: [22],
    edits: [
      {
        file: 'src/run/job/wait-until-settled.ts',
        find: 'if (answer.settled || now >= since + settleMs) return answer;',
        replace: 'if (answer.settled || now >= since + settleMs) return { ...answer, settled: true };',
      },
    ],
  },
  {
    name: 'a walk that was not settled is not followed by another one',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return settled === false ? before !== false : walk === 1 && isFill(definition);',
        replace: 'return settled === null && walk === 1 && isFill(definition);',
      },
    ],
  },
  {
    name: 'each walk that was not settled is followed by another one',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return settled === false ? before !== false : walk === 1 && isFill(definition);',
        replace: 'return settled === false || (walk === 1 && isFill(definition));',
      },
    ],
  },
  {
    name: 'a fill makes one walk, although nobody knows whether it was settled',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return settled === false ? before !== false : walk === 1 && isFill(definition);',
        replace: 'return settled === false && before !== false;',
      },
    ],
  },
  {
    name: 'an overwrite walks again, although nobody knows whether it was settled',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return settled === false ? before !== false : walk === 1 && isFill(definition);',
        replace: 'return settled === false ? before !== false : walk === 1;',
      },
    ],
  },
  {
    name: 'a run makes a fourth walk',
    breaks: [16, 22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'const MOST_WALKS = 3;',
        replace: 'const MOST_WALKS = 4;',
      },
    ],
  },
  {
    name: 'a trial walks again',
    breaks: [16, 22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return walk < MOST_WALKS && !isTrial(definition);',
        replace: 'return walk < MOST_WALKS;',
      },
    ],
  },
  {
    name: 'another walk begins behind the bound',
    breaks: [3],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: '        after: bounds[index - 1] ?? null,',
        replace: '        after: bounds[index - 1] ?? shards[index]?.after ?? null,',
      },
      {
        file: 'src/run/record/run-changes.ts',
        find: '        after: null,\n        upTo: null,\n        tally: tallyOfNextWalk',
        replace: '        after: header.upTo,\n        upTo: null,\n        tally: tallyOfNextWalk',
      },
    ],
  },
  {
    name: 'another walk adds its outcomes to those of the walk before',
    breaks: [1],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'tally: tallyOfNextWalk(shard.tally),',
        replace: 'tally: shard.tally,',
      },
    ],
  },
  {
    name: 'another walk forgets what the walk before has updated',
    breaks: [1],
    edits: [
      {
        file: 'src/run/record/tally.ts',
        find: '    ...emptyTally(keys.length),\n    updated,',
        replace: '    ...emptyTally(keys.length),',
      },
    ],
  },
  {
    name: 'a value that an earlier walk wrote is counted as written and as kept',
    breaks: [1],
    edits: [
      {
        file: 'src/run/record/tally.ts',
        find: 'kept: -written,',
        replace: '',
      },
    ],
  },
  {
    name: 'the first job of another walk has the step of the job before it',
    breaks: [12, 14],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: '...(shard.index === 0 ? withNextStep(shard) : shard),',
        replace: '...shard,',
      },
    ],
  },
  {
    name: 'another walk has no job',
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'else await handle.enqueue(job);',
        replace: '',
      },
    ],
  },
  {
    name: 'a request that joins before the freeze leaves the header as it is',
    isRare: true,
    breaks: [14, 22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'if (header.total === null) return joined;',
        replace: 'if (header.total === null) return null;',
      },
    ],
  },
  {
    name: 'a walk is frozen with a survey from before a request joined',
    isRare: true,
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: "if (header.state !== 'pending' || header.revision !== surveyed.revision) return null;",
        replace: "if (header.state !== 'pending' || surveyed === null) return null;",
      },
    ],
  },
  {
    name: 'a request that joins after the freeze changes nothing',
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return { ...joined, walkAgain: true };',
        replace: 'return null;',
      },
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return isActive(header.state) && (header.total === null || header.walkAgain);',
        replace: 'return isActive(header.state) && mayWalkAgain(header);',
      },
    ],
  },
  {
    name: 'each request that joins is said to be covered',
    isRare: true,
    breaks: [22],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'return isActive(header.state) && (header.total === null || header.walkAgain);',
        replace: 'return isActive(header.state);',
      },
    ],
  },
  {
    name: 'a limit is reached by cursor and not by count',
    isRare: true,
    breaks: [23],
    edits: [
      {
        file: 'src/run/job/walk-shard.ts',
        find: 'return (limit ?? Number.POSITIVE_INFINITY) - visited(shard.tally) - shard.behind.length;',
        replace: 'return limit === -1 ? visited(shard.tally) : Number.POSITIVE_INFINITY;',
      },
    ],
  },
  {
    name: 'progress shows the total of the freeze, whatever was visited',
    breaks: [2],
    edits: [
      {
        file: 'src/run/record/run-record.ts',
        find: 'return Math.max(run.header.total ?? 0, visited(tallyOf(run)));',
        replace: 'return run.header.total ?? 0;',
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
        file: 'src/run/calls/claim-run.ts',
        find: 'const created = newRun(processModelId, definition, { ...named, startAfter, claims });',
        replace: `const fresh = newRun(processModelId, definition, { ...named, startAfter, claims });
        const { instanceIds, limit } = definition;
        const survey = await context.repository.surveyInstances({ processModelId, instanceIds, limit, after: null, signal: new AbortController().signal });
        const header = { ...fresh.header, state: 'running', total: survey.total, upTo: survey.upTo, startedAt: runtime.now() };
        const created = { header, shards: fresh.shards.map((shard) => ({ ...shard, upTo: survey.upTo, done: survey.upTo === null })) };`,
      },
      {
        file: 'src/service/request-run.ts',
        find: 'if (first === undefined || first.done || !isWorkable(header.state)) return;',
        replace: 'if (first === undefined || !isWorkable(header.state)) return;',
      },
    ],
  },
  {
    name: 'the sample of failures has no limit',
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
    name: 'a job after a crash does not check maxFailures',
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
  {
    name: 'an instance that was saved since its read counts as kept',
    breaks: [24],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'if (isBusy && tries < MOST_REREADS) {',
        replace: 'if (isBusy && tries < 0) {',
      },
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'isBusy ? busyInstance(planned, writes.id) : planned;',
        replace: 'planned;',
      },
      {
        file: 'src/run/job/count-outcomes.ts',
        find: 'WRITING.has(wanted) && keptHere',
        replace: 'WRITING.has(wanted) && isBusy || keptHere',
      },
    ],
  },
  {
    name: 'a busy instance fails at once',
    breaks: [24],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: 'MOST_REREADS = 5',
        replace: 'MOST_REREADS = 4',
      },
    ],
  },
  {
    name: 'those that were left behind are not read again at the end of a shard',
    breaks: [24],
    edits: [
      {
        file: 'src/run/job/read-batch.ts',
        find: 'return entries.length + again.length === 0 ? null',
        replace: 'return entries.length === 0 ? null',
      },
    ],
  },
  {
    name: 'a commit forgets those that it does not name',
    breaks: [24],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: '(again.get(one.id) ?? []) : [one]',
        replace: '(again.get(one.id) ?? []) : []',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'const half = settled + Math.ceil(part.length / 2);',
        replace: 'const half = settled + 1;',
      },
    ],
  },
  {
    name: 'a shard leaves any number behind',
    breaks: [16],
    edits: [
      {
        file: 'src/run/record/left-behind.ts',
        find: 'MOST_LEFT_BEHIND = 100',
        replace: 'MOST_LEFT_BEHIND = 1_000',
      },
    ],
  },
  {
    name: 'an instance that a lagging replica does not show has its outcome',
    breaks: [1, 24],
    edits: [
      {
        file: 'src/run/job/count-outcomes.ts',
        find: '(hasMoved.has(writes.id) || reread?.isFound === false)',
        replace: 'hasMoved.has(writes.id)',
      },
    ],
  },
  {
    name: 'instances that were left behind move the cursor',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/commit-batch.ts',
        find: 'entries.findLast(({ reread }) => reread === null)?.cursor',
        replace: 'entries[0]?.cursor',
      },
    ],
  },
  {
    name: 'a job works before the start of its run',
    breaks: [25],
    edits: [
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
        file: 'src/run/record/run-changes.ts',
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
        file: 'src/run/record/run-changes.ts',
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
        file: 'src/run/record/run-changes.ts',
        find: 'return shard.sweeps > 0 && shard.started < step ? { shards: [{ ...shard, started: step }] } : null;',
        replace: 'return null;',
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
        file: 'src/run/record/run-changes.ts',
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
        file: 'src/run/record/run-changes.ts',
        find: 'if (first.heldFor !== START_AFTER || (startAfter ?? now) >= (first.heldUntil ?? 0)) return [];',
        replace: 'return [];',
      },
    ],
  },
  {
    name: 'a join moves the start forward without a new job',
    isRare: true,
    breaks: [14],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
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
        file: 'src/run/record/run-changes.ts',
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
  {
    name: 'a newer format is taken for damage',
    breaks: [14],
    edits: [
      {
        file: 'src/run/record/run-record.ts',
        find: "return new RunError('RUN_FORMAT', runId, message, { retryable: true });",
        replace: "return new RunError('RUN_FORMAT', runId, message);",
      },
    ],
  },
  {
    name: 'a job in a newer format is taken for malformed',
    breaks: [14],
    edits: [
      {
        file: 'src/service/create-backfill-service.ts',
        find: '      assertKnownFormat(payload);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'records in a newer format are read as if they were in this one',
    breaks: [6],
    edits: [
      {
        file: 'src/run/record/run-record.ts',
        find: 'if (isNewerFormat(format)) throw',
        replace: 'if (false) throw',
      },
      {
        file: 'src/run/record/run-record.ts',
        find: 'if (format !== FORMAT) {',
        replace: 'if (false) {',
      },
    ],
  },
  {
    name: 'a sweep fails at a run in a newer format',
    breaks: [14],
    edits: [
      {
        file: 'src/service/sweep-runs.ts',
        find: 'if (!isOfNewerVersion) errors.push(error);',
        replace: 'errors.push(error);',
      },
    ],
  },
  // Defects that the simulation has found in the library:
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
    isRare: true,
    breaks: [14],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'if (now?.done === true) return completeRun(context, handle, company);',
        replace: '',
      },
    ],
  },
  {
    name: 'a job that has to shut down while it splits a run forgets the other shards',
    isRare: true,
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
    isRare: true,
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
    name: 'a sweep enqueues only the steps that its last try allotted',
    isRare: true,
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
    name: 'a request takes the keys of a run that has ended',
    isRare: true,
    breaks: [7],
    edits: [
      {
        file: 'src/run/record/run-changes.ts',
        find: 'isActive(header.state) ? withoutKeys(header, keys, now) : header',
        replace: 'withoutKeys(header, keys, now)',
      },
    ],
  },
  {
    name: 'a request joins a run that has ended',
    isRare: true,
    breaks: [3],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'run !== null && isActive(run.header.state) && run.header.activeKey === activeKey',
        replace: 'run !== null && run.header.activeKey === activeKey',
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
        find: ' || sweeps === 0',
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
