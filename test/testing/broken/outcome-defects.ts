import type { MetadataWrite } from 'process-metadata-backfill';
import type { Defect } from './defect.js';
import type { KeptValue } from './rules.js';

/** Repositories that write the right values, and report them wrongly. */
export const outcomeDefects: readonly Defect[] = [
  {
    title: 'kept values are not reported',
    rules: () => ({ reportedKept: () => [] }),
    breaks: [
      'commit: tells',
      'commit: when it fills, keeps a',
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: when it overwrites, does',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
      'commit: when it deletes, reports',
      'commit: when it fills, waits',
    ],
  },
  {
    title: 'only the first kept value is reported',
    rules: () => ({ reportedKept: (kept) => kept.slice(0, 1) }),
    breaks: [
      'commit: when it fills, keeps values',
      'commit: writes null where',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'a commit that deletes nothing reports overwritten values as kept, too',
    rules: () => ({
      reportedKept(kept, batch) {
        const all = batch.flatMap(({ id, values }) => values.map((write) => ({ id, key: write.key, write })));
        if (all.some(({ write }) => write.value === undefined)) return kept;
        const overwritten = all.filter(
          ({ write }) => write.replaces !== undefined && write.value !== null && !isAmong(kept, write),
        );
        return [...kept, ...overwritten];
      },
    }),
    breaks: ['commit: overwrites the'],
  },
  {
    title: 'a value that was not overwritten is reported only if it is gone or still the one that was read',
    rules: () => ({
      reportedKept: (kept) =>
        kept.filter(
          ({ write: { value, replaces }, row }) =>
            (value ?? null) === null || replaces === undefined || (row ?? replaces).value === replaces.value,
        ),
    }),
    breaks: ['commit: when it overwrites, keeps a value'],
  },
  {
    title: 'an error of `next` is trusted before anything is written',
    rules: () => ({ callsNextFirst: true }),
    breaks: ['commit: tells'],
  },
  {
    title: 'gone instances are not reported',
    rules: () => ({ reportedGone: () => [] }),
    breaks: [
      'commit: tells',
      'commit: reports instances',
      'instance ids: accepts any',
      'commit: when it deletes, reports',
    ],
  },
  {
    title: 'gone instances without values are not reported',
    rules: () => ({
      reportedGone: (gone, batch) =>
        gone.filter((id) => batch.some((instance) => instance.id === id && instance.values.length > 0)),
    }),
    breaks: ['commit: reports instances'],
  },
];

function isAmong(kept: readonly KeptValue[], write: MetadataWrite): boolean {
  return kept.some((value) => value.write === write);
}
