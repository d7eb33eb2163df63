import { isDeepStrictEqual } from 'node:util';
import { describe, expect, test } from 'vitest';
import type { JsonValue } from '../../src/extraction/json-value.js';
import { checkInvariants } from './check-invariants.js';
import { countExercised } from './count-exercised.js';
import { explainFailure } from './explain-failure.js';
import type { CommitEvent, History, HistoryEvent } from './history.js';
import { simulate } from './simulate.js';

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);

test.each(SEEDS)('no interleaving of seed %i breaks an invariant', async (seed) => {
  const simulation = await simulate({ seed });

  expect(simulation.violations.length === 0 ? '' : await explainFailure(simulation)).toBe('');
});

describe('a simulation', () => {
  test('has the same history with the same seed, or with the same choices', async () => {
    const first = await simulate({ seed: 7 });

    expect((await simulate({ seed: 7 })).history).toEqual(first.history);
    expect((await simulate({ choices: first.choices })).history).toEqual(first.history);
    expect((await simulate({ seed: 8 })).history).not.toEqual(first.history);
  });

  test.each([
    [{ workers: 0 }, 'workers: expected a whole number from 1 to 4, got 0'],
    [{ seed: 1.5 }, 'seed: expected a whole number of at least 0, got 1.5'],
    [{ choices: ['1'] }, 'choices: expected a list of whole numbers, got a list of 1'],
    [{ worker: 2 }, 'worker: unknown name'],
  ])('refuses %o', async (options, message) => {
    await expect(simulate(options as object)).rejects.toThrow(message);
  });

  test('exercises what can go wrong', async () => {
    const counts: Record<string, number> = {};
    for (const seed of SEEDS) {
      for (const [name, count] of Object.entries(countExercised((await simulate({ seed })).history)))
        counts[name] = (counts[name] ?? 0) + count;
    }
    const { crashes, 'answers lost': lost, 'jobs doubled': doubled, 'commits refused': refused } = counts;
    for (const count of [crashes, lost, doubled, refused]) expect(count).toBeGreaterThan(0);
  });

  test('is explained when it fails, with the line that replays it', async () => {
    const simulation = await simulate({ seed: 3 });
    const at = simulation.history.events.length - 1;
    const violations = [{ invariant: 99, message: 'made up', at }];

    const text = await explainFailure({ ...simulation, violations }, { trials: 1 });

    expect(text).toContain('Invariant 99 does not hold: made up.');
    expect(text).toContain('Found with seed 3');
    const options = /^Replay: await simulate\((.*)\);$/m.exec(text)?.[1] ?? '';
    expect((await simulate(JSON.parse(options))).history).toEqual(simulation.history);
  });
});

describe('the judge', () => {
  /** A history in which one event was changed. */
  async function changedHistory(change: (event: HistoryEvent) => HistoryEvent[] | null): Promise<History> {
    for (const seed of SEEDS) {
      const { history } = await simulate({ seed });
      for (const [index, event] of history.events.entries()) {
        const changed = change(event);
        if (changed !== null) return { ...history, events: history.events.toSpliced(index, 1, ...changed) };
      }
    }
    throw new Error('no history has such an event');
  }

  type Items = readonly Readonly<Record<string, unknown>>[];

  /** Changes an answer, if it is a list of items with this member and is another one then. */
  const answer =
    (member: string, change: (items: Items) => Items) =>
    (event: HistoryEvent): HistoryEvent[] | null => {
      if (event.type !== 'return' || !Array.isArray(event.answer)) return null;
      const items: Items = event.answer.map(Object);
      if (items.length === 0 || items.some((item) => item[member] === undefined)) return null;
      const changed = change(items);
      return isDeepStrictEqual(changed, items) ? null : [{ ...event, answer: changed as JsonValue }];
    };

  const isBatch = (event: HistoryEvent): event is CommitEvent =>
    event.type === 'commit' && event.status === 'committed' && event.written.length > 0;

  test.each<[string, (event: HistoryEvent) => HistoryEvent[] | null]>([
    ['a batch that was committed twice', (event) => (isBatch(event) ? [event, event] : null)],
    ['values without their checkpoint', (event) => (isBatch(event) ? [{ ...event, records: [] }] : null)],
    ['a checkpoint without its values', (event) => (isBatch(event) ? [{ ...event, written: [] }] : null)],
    [
      'a value that is not in the task data',
      (event) => {
        const [first, ...rest] = isBatch(event) ? event.written : [];
        if (!first?.row || !isBatch(event)) return null;
        return [{ ...event, written: [{ ...first, row: { ...first.row, value: 'made up' } }, ...rest] }];
      },
    ],
    [
      'a row that was deleted although it should be written',
      (event) => {
        const [first, ...rest] = isBatch(event) ? event.written : [];
        if (!first?.row || !isBatch(event)) return null;
        return [{ ...event, written: [{ ...first, row: null }, ...rest] }];
      },
    ],
    [
      'a value that was cleared and is still there',
      (event) => {
        const written = isBatch(event) ? event.written.filter(({ row }) => row !== null) : [];
        if (!isBatch(event) || written.length === event.written.length) return null;
        return [{ ...event, written }];
      },
    ],
    [
      'a failure that is not stored',
      (event) => {
        const failures =
          event.type === 'commit' ? event.records.findIndex(({ id }) => id.includes('_f')) : -1;
        if (event.type !== 'commit' || failures < 0) return null;
        return [{ ...event, records: event.records.toSpliced(failures, 1) }];
      },
    ],
    [
      'a failure that is returned twice',
      (event) => {
        if (event.type !== 'return' || !Array.isArray(event.answer)) return null;
        const [first] = event.answer.filter((one) => Object(one).instanceId !== undefined);
        return first === undefined ? null : [{ ...event, answer: [first, ...event.answer] }];
      },
    ],
    ['a list with wrong counts', answer('etaMs', (runs) => [{ ...runs[0], failed: 77 }, ...runs.slice(1)])],
    ['a list without its oldest run', answer('etaMs', (runs) => runs.slice(0, -1))],
    ['a list with the oldest run first', answer('etaMs', (runs) => [...runs].reverse())],
    [
      'a status of nothing',
      (event) => {
        if (event.type !== 'return' || Object(event.answer).lastControl === undefined) return null;
        return [{ ...event, answer: {} }];
      },
    ],
    [
      'a verification that does not say what it has found',
      (event) => {
        if (event.type !== 'return' || Object(event.answer).samples === undefined) return null;
        return [{ ...event, answer: { ...Object(event.answer), verdict: null } }];
      },
    ],
    [
      'a list that fails in the calm',
      (event) => {
        if (answer('etaMs', () => [])(event) === null || event.type !== 'return') return null;
        const error = { name: 'PortError', code: 'PORT_FAILED', message: 'made up', retryable: false };
        return [{ type: 'throw', call: event.call, ...error }];
      },
    ],
    [
      'a column that shows another run',
      answer('activeRunIds', (columns) => columns.map((column) => ({ ...column, runId: 'x' }))),
    ],
    [
      'a column that shows no active run',
      answer('activeRunIds', (columns) => columns.map((column) => ({ ...column, activeRunIds: [] }))),
    ],
    [
      'a column that was verified at another time',
      answer('activeRunIds', (columns) =>
        columns.map(({ verified, ...column }) => ({
          ...column,
          verified: verified && { ...Object(verified), since: 7 },
        })),
      ),
    ],
    [
      'a verification that is recorded with another total',
      (event) => {
        if (event.type !== 'commit') return null;
        const text = JSON.stringify(event.records);
        const changed = text.replace(/("verdict":"\w+".*?"total":)\d+/, '$177');
        return changed === text ? null : [{ ...event, records: JSON.parse(changed) }];
      },
    ],
    [
      'a retry that says that it has left instances out',
      (event) => {
        if (event.type !== 'return' || Object(event.answer).left === undefined) return null;
        return [{ ...event, answer: { ...Object(event.answer), left: true } }];
      },
    ],
    [
      'a change of state that is announced twice',
      (event) => (event.type === 'announce' ? [event, event] : null),
    ],
    [
      'a change of state that is announced with wrong counts',
      (event) => (event.type === 'announce' ? [{ ...event, message: { ...event.message, gone: 77 } }] : null),
    ],
    [
      'a job whose step nobody has allotted',
      (event) =>
        event.type === 'enqueue' && event.payload.step > 0
          ? [{ ...event, payload: { ...event.payload, step: event.payload.step + 7 } }]
          : null,
    ],
    ['a run that never ends', (event) => (event.type === 'end' ? [{ ...event, isQuiet: false }] : null)],
  ])('notices %s', async (_, change) => {
    expect(checkInvariants(await changedHistory(change))).not.toEqual([]);
  });

  // A single one may be the change of a process that dies right after it.
  test('notices changes of state that nobody announces', async () => {
    const { history } = await simulate({ seed: 5 });
    const events = history.events.filter(({ type }) => type !== 'announce');
    expect(checkInvariants({ ...history, events })).not.toEqual([]);
  });

  test('finds nothing wrong with an unchanged history', async () => {
    expect(checkInvariants((await simulate({ seed: 5 })).history)).toEqual([]);
  });
});
