import type { Mutant } from './mutant.js';

/** Walks, joins and limits that miss instances or count them twice. */
export const walks: readonly Mutant[] = [
  {
    name: 'a run is completed although it was to walk again',
    breaks: [22],
    edits: [
      {
        file: 'src/run/changes/complete-run.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/freeze-walk.ts',
        find: '        after: bounds[index - 1] ?? null,',
        replace: '        after: bounds[index - 1] ?? shards[index]?.after ?? null,',
      },
      {
        file: 'src/run/changes/complete-run.ts',
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
        file: 'src/run/changes/complete-run.ts',
        find: 'tally: tallyOfNextWalk(shard.tally, header.definition),',
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
        file: 'src/run/changes/complete-run.ts',
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
    breaks: [14, 22],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: 'if (header.total === null) return joined;',
        replace: 'if (header.total === null) return null;',
      },
    ],
  },
  {
    name: 'a walk is frozen with a survey from before a request joined',
    breaks: [22],
    edits: [
      {
        file: 'src/run/changes/freeze-walk.ts',
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
        file: 'src/run/changes/join-run.ts',
        find: 'return { ...joined, walkAgain: true };',
        replace: 'return null;',
      },
      {
        file: 'src/run/changes/join-run.ts',
        find: 'return isActive(header.state) && (header.total === null || header.walkAgain);',
        replace: 'return isActive(header.state) && mayWalkAgain(header);',
      },
    ],
  },
  {
    name: 'each request that joins is said to be covered',
    breaks: [22],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: 'return isActive(header.state) && (header.total === null || header.walkAgain);',
        replace: 'return isActive(header.state);',
      },
    ],
  },
  {
    name: 'a limit is reached by cursor and not by count',
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
        file: 'src/run/changes/complete-run.ts',
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
];
