import type { Mutant } from './mutant.js';

/** Jobs and records of a newer version. */
export const versions: readonly Mutant[] = [
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
];
