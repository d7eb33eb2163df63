import { setImmediate } from 'node:timers/promises';
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
    title: 'a row that has appeared meanwhile is reported as a conflict',
    rules: () => ({ conflictsOnNewRows: true }),
    breaks: ['commit: when it fills, waits'],
  },
  {
    title: 'versions are compared before a commit waits for others',
    rules: () => ({ comparesEarly: true }),
    breaks: ['commit: waits for a save'],
  },
  {
    title: 'the version stays the same when a task is completed',
    rules: () => ({ version: () => 'the same' }),
    breaks: ['commit: leaves out', 'commit: waits for a save'],
  },
  {
    title: 'another commit can come between check and write',
    rules: () => ({ pause: () => setImmediate() }),
    breaks: ['commit: when several name', 'commit: when several create', 'commit: when several take'],
  },
  {
    title: 'records are locked in the order in which they are given',
    rules: () => ({ lockedRecords: (ids) => ids }),
    breaks: ['commit: locks records'],
  },
];
