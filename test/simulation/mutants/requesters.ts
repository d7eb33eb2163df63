import type { Mutant } from './mutant.js';

/** Runs that do not say who requested, paused, resumed or cancelled them, or name somebody else or a wrong time. */
export const requesters: readonly Mutant[] = [
  {
    name: 'nobody has requested a run for failed instances',
    breaks: [36],
    edits: [
      {
        file: 'src/service/retry-failed.ts',
        find: 'definitionFor, requester, formerPaths',
        replace: 'definitionFor, formerPaths',
      },
    ],
  },
  {
    name: 'a model update does not note who has requested its run',
    breaks: [36],
    edits: [
      {
        file: 'src/service/backfill-request.ts',
        find: 'requester, diff, updates,',
        replace: 'diff, updates,',
      },
    ],
  },
  {
    name: 'whoever resumes a run is taken for whoever has requested it',
    breaks: [36],
    edits: [
      {
        file: 'src/run/changes/resume-run.ts',
        find: "{ action: 'resume', ...requester, at: now }",
        replace: "{ action: 'resume', requestedBy: header.requestedBy, reason: header.reason, at: now }",
      },
    ],
  },
  {
    name: 'a run does not say who has paused it',
    breaks: [36],
    edits: [
      {
        file: 'src/run/changes/stop-run.ts',
        find: ", lastControl: { action: 'pause', ...requester, at: now } }",
        replace: ' }',
      },
    ],
  },
  {
    name: 'a run does not say who has cancelled it',
    breaks: [36],
    edits: [
      {
        file: 'src/run/changes/stop-run.ts',
        find: 'endedAt: now, lastControl }',
        replace: 'endedAt: now }',
      },
    ],
  },
  {
    name: 'a run does not say who has resumed it',
    breaks: [36],
    edits: [
      {
        file: 'src/run/changes/resume-run.ts',
        find: "    lastControl: { action: 'resume', ...requester, at: now },\n",
        replace: '',
      },
    ],
  },
  {
    name: 'a run says that it was paused at the time of its request',
    breaks: [36],
    edits: [
      {
        file: 'src/run/changes/stop-run.ts',
        find: "{ action: 'pause', ...requester, at: now }",
        replace: "{ action: 'pause', ...requester, at: run.header.createdAt }",
      },
    ],
  },
];
