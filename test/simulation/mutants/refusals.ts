import type { Mutant } from './mutant.js';

/** Instances that are blamed for what they have not done, and failures without a limit. */
export const refusals: readonly Mutant[] = [
  {
    name: 'a bisected batch has one checkpoint, at its end',
    breaks: [4, 5],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'settleUpTo(end: number, retries?: Retries): Promise<ShardCommitResult> {',
        replace: 'settleUpTo(end, retries, isHeld = false) {',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'isOne ? {} : { retries });',
        replace: 'isOne ? {} : { retries }, isHeld);',
      },
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'await settleUpTo(settled < half ? half : end, retries);',
        replace: 'await settleUpTo(settled < half ? half : end, retries, settled < half);',
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
        find: "if (!(await commitNothing(session))) return settledUpTo(place, { status: 'outdated' });",
        replace: '',
      },
    ],
  },
  {
    name: 'suspects: an instance is blamed although no other one goes through',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: "if (verdict.is !== 'accepted' || verdict.writes !== proof.length > 0) {",
        replace: "if (verdict.is === 'moved') {",
      },
    ],
  },
  {
    name: 'suspects: the job gives up at the end of a shard although a stored value could be written again',
    breaks: [15],
    edits: [
      {
        file: 'src/run/changes/count-unproven.ts',
        find: 'sum > MOST_UNPROVEN',
        replace: 'sum > 0',
      },
    ],
  },
  {
    name: 'suspects: a job goes on with its batch although another one has committed before its experiment',
    breaks: [3, 4, 5],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: "if (is === 'outdated') return { status: 'outdated' };",
        replace: '',
      },
    ],
  },
  {
    name: 'suspects: a refused instance proves that others are to blame',
    breaks: [1],
    edits: [
      {
        file: 'src/run/job/rewrite-last.ts',
        find: 'id === undefined || suspects.has(id)',
        replace: 'id === undefined',
      },
    ],
  },
  {
    name: 'suspects: the shard forgets which instance got a value last',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'counted.lastWritten ?? before.lastWritten',
        replace: 'counted.lastWritten',
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
    name: 'suspects: the job gives up although one behind the batch goes through',
    breaks: [15],
    edits: [
      {
        file: 'src/run/job/settle-suspects.ts',
        find: 'if (place > 0 || (tried <= most && tried >= session.fewestWithValues)) {',
        replace: 'if (place < 0) {',
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
      if (again.status !== 'rejected') return settledUpTo(place + 1, again);
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
        find: 'if (writes === null) return null;',
        replace:
          "if (writes === null) return null; if (refusal === null) return { error: new Error('refused'), refused: new Map() };",
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
    name: 'a job after a crash does not check maxFailures',
    breaks: [8],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
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
];
