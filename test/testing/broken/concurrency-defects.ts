import type { Defect } from './defect.js';

/** Repositories that overlook what others do at the same time, or do not wait for it. */
export const concurrencyDefects: readonly Defect[] = [
  {
    title: 'nobody notices that an instance has moved',
    rules: () => ({ hasMoved: () => false }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'no version is the same as the one given',
    rules: () => ({ hasMoved: (_, given) => given !== undefined }),
    breaks: ['commit: leaves out', 'commit: writes an instance if'],
  },
  {
    title: 'beside instances with a version, one without has moved',
    rules: () => ({
      hasMoved: (current, given, areOthersGiven) => current !== (given ?? (areOthersGiven ? '' : current)),
    }),
    breaks: ['commit: writes an instance if'],
  },
  {
    title: 'a batch of which an instance has moved is not written',
    rules: () => ({ movesAsAWhole: true }),
    breaks: ['commit: leaves out'],
  },
  {
    title: 'moved instances are left out, but not named',
    rules: () => ({ reportedMoved: () => [] }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'instances are locked in descending order',
    rules: () => ({ lockedInstances: (ids) => ids.toReversed() }),
    breaks: ['commit: locks instances'],
  },
  {
    title: 'instances are locked in descending order, and the commit loses the deadlock',
    rules: () => ({ lockedInstances: (ids) => ids.toReversed(), losesDeadlocks: true }),
    breaks: ['commit: locks instances'],
  },
  {
    title: 'a row that has appeared meanwhile is reported as a conflict',
    rules: () => ({ conflictsOnNewRows: true }),
    breaks: ['commit: when it fills, waits'],
  },
  {
    title: 'versions are compared before a commit waits for others',
    rules: () => ({ early: 'versions' }),
    breaks: ['commit: waits for a save'],
  },
  {
    title: 'the version stays the same when a task is completed',
    rules: () => ({ version: () => 'the same' }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'revisions are compared before a commit waits for others',
    rules: () => ({ early: 'revisions' }),
    breaks: ['commit: when several name'],
  },
  {
    title: 'a commit looks for a record that must not exist before it waits for others',
    rules: () => ({ early: 'new records' }),
    breaks: ['commit: when several create'],
  },
  {
    title: 'active keys are compared before a commit waits for others',
    rules: () => ({ early: 'active keys' }),
    breaks: ['commit: when several take'],
  },
  {
    title: 'a commit decides which values to keep, and writes the others later',
    rules: () => ({ stale: 'rows' }),
    breaks: ['commit: while live instances'],
  },
  {
    title: 'a commit looks its instances up, and writes later',
    rules: () => ({ stale: 'instances' }),
    breaks: ['commit: while instances'],
  },
  {
    title: 'records are locked in the order in which they are given',
    rules: () => ({ lockedRecords: (ids) => ids }),
    breaks: ['commit: locks records'],
  },
  {
    title: 'records are locked in the order in which they are given, and the commit loses the deadlock',
    rules: () => ({ lockedRecords: (ids) => ids, losesDeadlocks: true }),
    breaks: ['commit: locks records'],
  },
];
