import type { Mutant } from './mutant.js';

/** Runs that fill a key which another one has. */
export const keys: readonly Mutant[] = [
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
        find: 'const owners = await loadOwners();\n        const decision = await decide(owners, failedTries);',
        replace: `const decision = await decide(await loadOwners(), failedTries);
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
        find: '          ownersChange({ ...owners, keys: change.keys, trials: change.trials }),\n',
        replace: '',
      },
    ],
  },
  {
    name: 'a resumed run keeps keys that others have by now',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/changes/resume-run.ts',
        find: 'withoutKeys(resumed, outdatedKeys(header, keys), now)',
        replace: 'resumed',
      },
    ],
  },
  {
    name: 'a resume looks at the owner record, but does not name it',
    breaks: [18, 19],
    edits: [
      {
        file: 'src/run/calls/change-model.ts',
        find: '          ownersChange({ ...owners, keys: change.keys, trials: change.trials }),\n',
        replace:
          '          ...(change.keys === owners.keys ? [] : [ownersChange({ ...owners, keys: change.keys })]),\n',
      },
    ],
  },
  {
    name: 'a trial of another path leaves no mark',
    breaks: [18],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'tried: true, verified: null }',
        replace: 'verified: null }',
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
    name: 'a request takes the keys of a run that has ended',
    breaks: [7],
    edits: [
      {
        file: 'src/run/changes/drop-keys.ts',
        find: 'isActive(header.state) ? withoutKeys(header, keys, now) : header',
        replace: 'withoutKeys(header, keys, now)',
      },
    ],
  },
  {
    name: 'a request joins a run that has ended',
    breaks: [22],
    edits: [
      {
        file: 'src/run/calls/claim-run.ts',
        find: 'run !== null && isActive(run.header.state) && run.header.activeKey === activeKey',
        replace: 'run !== null && run.header.activeKey === activeKey',
      },
    ],
  },
];
