import type { Mutant } from './mutant.js';

/** Statuses, lists and reports that show something else than what is stored, and looks that fail. */
export const answers: readonly Mutant[] = [
  {
    name: 'columns fail if nobody fills one of them',
    breaks: [33],
    edits: [
      {
        file: 'src/service/list-columns.ts',
        find: '[...new Set(keys.flatMap(({ filler }) => filler ?? []))]',
        replace: "[...new Set(keys.map(({ filler }) => filler ?? ''))]",
      },
      {
        file: 'src/run/calls/find-runs.ts',
        find: "if (!isBackfillError(error, 'RUN_NOT_FOUND')) leaveOut(context, run, error);",
        replace: 'leaveOut(context, run, error);',
      },
    ],
  },
  {
    name: 'a list begins again after the oldest run',
    breaks: [33],
    edits: [
      {
        file: 'src/service/list-runs.ts',
        find: ' || records.length < limit) return',
        replace: ') return',
      },
    ],
  },
  {
    name: 'a list shows the newest page again',
    breaks: [33],
    edits: [
      {
        file: 'src/service/list-runs.ts',
        find: '{ ...filter, before, limit }',
        replace: '{ ...filter, before: null, limit }',
      },
    ],
  },
  {
    name: 'a list shows no keys of dry runs',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/report.ts',
        find: '    paths: shownPaths(definition),\n    limit,\n    selected: instanceIds?.length ?? null,\n    total:',
        replace:
          '    paths: dryRun ? [] : shownPaths(definition),\n    limit,\n    selected: instanceIds?.length ?? null,\n    total:',
      },
    ],
  },
  {
    name: 'a list does not know whether a verification has found anything',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/run-counts.ts',
        find: 'header.definition.dryRun ? verdictOf(run) : null',
        replace: "header.definition.dryRun ? 'unknown' : null",
      },
    ],
  },
  {
    name: 'a status shows only the differences of the first shard',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/report.ts',
        find: 'const { differences } = tallyOf(run);',
        replace: 'const differences = run.shards[0]?.tally.differences ?? [];',
      },
    ],
  },
  {
    name: 'a status shows only the keys that the run still fills',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/report.ts',
        find: 'paths: shownPaths(run.header.definition),',
        replace:
          'paths: shownPaths(run.header.definition).filter(({ key }) => !run.header.droppedKeys.some((gone) => gone.key === key)),',
      },
    ],
  },
  {
    name: 'a resume answers how the run was before its last change',
    breaks: [33],
    edits: [
      {
        file: 'src/service/control-run.ts',
        find: '(await completeRun(context, handle, run)).run',
        replace: '(await completeRun(context, handle, run), run)',
      },
    ],
  },
  {
    name: 'a report without differences has no verdict',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/report.ts',
        find: 'verdict: dryRun ? verdictOf(run) : null,',
        replace: "verdict: dryRun && verdictOf(run) === 'different' ? 'different' : null,",
      },
    ],
  },
  {
    name: 'a verification shows its failures as its differences',
    breaks: [33],
    edits: [
      {
        file: 'src/look/verify-backfill.ts',
        find: "readFirst('differences',",
        replace: "readFirst('failures',",
      },
    ],
  },
  {
    name: 'a page shows its records backwards',
    breaks: [28, 30, 33],
    edits: [
      {
        file: 'src/run/calls/read-listed.ts',
        find: 'items.push(...some);',
        replace: 'items.unshift(...some);',
      },
    ],
  },
  {
    name: 'an answer does not say that the failures could not be read',
    breaks: [33],
    edits: [
      {
        file: 'src/run/calls/read-first.ts',
        find: '} catch (error) {',
        replace: '} catch (error) {\n    return { items: [], warnings: [] };',
      },
    ],
  },
  {
    name: 'an answer always says that the failures could not be read',
    breaks: [33],
    edits: [
      {
        file: 'src/run/calls/read-first.ts',
        find: 'return { items, warnings: [] };',
        replace: 'throw new Error(name);',
      },
    ],
  },
  {
    name: 'a report has a verdict although its run is unfinished and no dry run',
    breaks: [33],
    edits: [
      {
        file: 'src/run/record/report.ts',
        find: 'return { runId, processModelId, state, ...counted };',
        replace:
          "return { runId, processModelId, state, ...counted, verdict: run.header.endedAt === null ? 'unknown' : counted.verdict };",
      },
    ],
  },
];
