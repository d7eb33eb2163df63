import type { Mutant } from './mutant.js';

/** Keys that are verified although somebody has taken them, or although nobody knows what they hold. */
export const verified: readonly Mutant[] = [
  {
    name: 'a key is verified, although another run has filled it during its verification',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'owned.filler === claim.filler &&',
        replace: '',
      },
    ],
  },
  {
    name: 'a key is verified, although it is read from another path',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'isDeepStrictEqual(owned.segments, path?.segments) &&',
        replace: 'path !== undefined &&',
      },
    ],
  },
  {
    name: 'a key is verified, although a trial may still write it from another path',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: ' &&\n      !owned.tried;',
        replace: ';',
      },
    ],
  },
  {
    name: 'a key stays verified when it is requested again',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'filler: runId, verified: null }',
        replace: 'filler: runId, verified: owned.verified }',
      },
    ],
  },
  {
    name: 'a key stays verified when a model update removes it or changes its path',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'tried: false,\n    verified: null,',
        replace: 'tried: false,',
      },
    ],
  },
  {
    name: 'a key stays verified when a trial reads it from another path',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'tried: true, verified: null }',
        replace: 'tried: true }',
      },
    ],
  },
  {
    name: 'a key is verified as equal, although it has failed in an instance',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/verdict.ts',
        find: 'keys[index]?.failed ?? 0',
        replace: '0',
      },
    ],
  },
  {
    name: 'a key is verified as equal, although instances are gone',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/verdict.ts',
        find: 'failures + gone === 0',
        replace: 'failures === 0',
      },
    ],
  },
  {
    name: 'each key has the verdict of all keys',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'verdict: keyVerdictOf(run, index)',
        replace: 'verdict: keyVerdictOf(run, 0)',
      },
    ],
  },
  {
    name: 'a verification ends without recording what it has verified',
    breaks: [31],
    edits: [
      {
        file: 'src/run/job/conclude-job.ts',
        find: 'isVerification(definition)\n',
        replace: 'isVerification({ ...definition, clear: false })\n',
      },
    ],
  },
  {
    name: 'a verification of some instances verifies keys',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: '!isTrial(definition) && ',
        replace: '',
      },
    ],
  },
  {
    name: 'a verification that is requested again verifies only the keys as they were before',
    breaks: [31],
    edits: [
      {
        file: 'src/run/changes/join-run.ts',
        find: '? covering : { ...header, claims }',
        replace: '? covering : covering',
      },
    ],
  },
  {
    name: 'columns show the run before the last one',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: '...claimed, filler: runId,',
        replace: '...claimed, filler: claimed.filler ?? runId,',
      },
    ],
  },
  {
    name: 'a verification that ends later counts, although it may have read the values earlier',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'if (isRival && BADNESS[verified.verdict] > BADNESS[found.verdict]) return owned;',
        replace: '',
      },
    ],
  },
  {
    name: 'no verification counts after one with a worse result',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/certify-keys.ts',
        find: 'const isRival = verified !== null && verified.runId !== claim?.verifier;',
        replace: 'const isRival = verified !== null;',
      },
    ],
  },
  {
    name: 'a verification is never said to have begun before the fill had completed',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'duringFill: !hadEnded',
        replace: 'duringFill: false',
      },
    ],
  },
  {
    name: 'a fill that ended after a verification began is taken for one that had ended',
    breaks: [31],
    edits: [
      {
        file: 'src/run/record/metadata-column.ts',
        find: 'endedAt != null && endedAt <= verification.since',
        replace: 'endedAt != null',
      },
    ],
  },
];
