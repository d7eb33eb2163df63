import type { Mutant } from './mutant.js';

/** Values and checkpoints that do not belong together, and pages that are skipped. */
export const commits: readonly Mutant[] = [
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
        find: "if (result.status === 'committed') session.adoptShard(committed, size);",
        replace: `if (result.status === 'committed') {
          session.adoptShard(committed, size);
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
    name: 'half of a batch moves the checkpoint past the other half',
    breaks: [4],
    edits: [
      {
        file: 'src/run/job/settle-batch.ts',
        find: 'const half = settled + Math.ceil((end - settled) / 2);',
        replace:
          'const half = settled + Math.ceil((end - settled) / 2); session.past = batch[end - 1].cursor;',
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
        find: 'const found = await lookAround();',
        replace: `if (classifyError(context.repository, error) === 'transient') {
          session.adopt(await session.handle.load());
          return session.ending === null ? null : { status: 'moved' };
        }
        const found = await lookAround();`,
      },
    ],
  },
  {
    name: 'a job takes any next commit for its own',
    breaks: [1, 4],
    edits: [
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'const { losses } = session;',
        replace: 'const { losses, shard: before } = session;',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'if (session.shard.committedBy === committedBy) {',
        replace: 'if (session.shard.commits === before.commits + 1) {',
      },
      {
        file: 'src/run/job/commit-to-shard.ts',
        find: 'session.adoptShard(session.shard, size);',
        replace: 'session.adoptShard({ ...session.shard, after: commit.after }, size);',
      },
    ],
  },
];
