import type { Mutant } from './mutant.js';

/** Owner records that forget what people last said of a key. */
export const ownerRecords: readonly Mutant[] = [
  {
    name: 'a key whose path has changed still has the run that filled it',
    breaks: [34],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: '{ ...handedOn(owned, segments, fillers), filler: null }',
        replace: 'handedOn(owned, segments, fillers)',
      },
    ],
  },
  {
    name: 'a key stays tried when a model update changes its path',
    breaks: [34],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'handedOn(owned, segments, fillers), filler: null }',
        replace: 'handedOn(owned, segments, fillers), tried: owned.tried, filler: null }',
      },
    ],
  },
  {
    name: 'a trial from the path of a key forgets that another path was tried',
    breaks: [34],
    edits: [
      {
        file: 'src/run/record/claim-keys.ts',
        find: 'isSame ? owned : { ...owned, tried: true, verified: null }',
        replace: '{ ...owned, tried: !isSame, verified: isSame ? owned.verified : null }',
      },
    ],
  },
];
