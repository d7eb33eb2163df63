import type { CommitEvent, HistoryEvent, StateMessage } from '../history.js';
import type { JudgedCall, Replay } from './judged-world.js';
import { type Rules, type RunChange, whoOf } from './judgement.js';
import { countsOf } from './run-counts.js';

/** A stored change of a run's state. It stays known when the store has lost it. */
export interface JudgedStateChange {
  readonly call: number;
  /** What a message about it must say. */
  readonly message: Omit<StateMessage, 'at'>;
  /** In a transaction of the host. The library cannot know whether it was committed. */
  readonly isOfHost: boolean;
  readonly at: number;
  isAnnounced: boolean;
  /** Its process has crashed since. Nobody else knows that nobody has heard of it. */
  isForgotten: boolean;
}

/**
 * 29. A change of a run's state is announced after its commit, with its counts, and never twice. A call that returns has announced
 *    each of its own, also where an answer was lost. A call that throws may leave that to a later job or sweep of its process.
 */
export const announcementRules: Rules = {
  announce({ message }, { world, broken }) {
    const change = world.stateChanges.get(message.revision);
    const what = `a change from ${message.from} to ${message.to}`;
    if (change === undefined) return broken(29, `${what} was announced that is not stored`);
    if (change.isAnnounced) broken(29, `${what} was announced twice`);
    if (change.isOfHost) broken(29, `${what} was announced before the transaction of the host had ended`);
    for (const [name, value] of Object.entries(change.message)) {
      const said = message[name as keyof StateMessage];
      if (said !== value) broken(29, `${what} was announced with ${name} ${said}, but it is ${value}`);
    }
  },

  return({ call: id }, { world, broken }) {
    const returned = world.calls.get(id);
    for (const change of world.stateChanges.values()) {
      const { call, message, isAnnounced, isOfHost } = change;
      if (isAnnounced || isOfHost) continue;
      if (call === id || (returned !== undefined && isLeftTo(returned, change, world)))
        broken(29, `${whoOf(returned)} has not announced the change from ${message.from} to ${message.to}`);
    }
  },
};

/** Before the calm, the look at the run may fail. */
function isLeftTo(
  { method, process, startedAt }: JudgedCall,
  { call, message, at, isForgotten }: JudgedStateChange,
  { calls, runs, calmAt }: Replay,
): boolean {
  const looks = (method === 'handle' || method === 'sweep') && startedAt > calmAt;
  const isOwn = calls.get(call)?.process === process && !isForgotten && at < startedAt;
  const stored = runs.get(message.runId)?.header.stateRevisions ?? [];
  return looks && isOwn && stored.includes(message.revision);
}

/** Notes what an event changes, or announces. Once only: after a loss, the events before it are played again. */
export function noteStateChanges(
  event: HistoryEvent,
  changes: readonly RunChange[],
  {
    calls,
    stateChanges,
    at,
  }: {
    readonly calls: ReadonlyMap<number, JudgedCall>;
    readonly stateChanges: Map<string, JudgedStateChange>;
    readonly at: number;
  },
): void {
  if (event.type === 'crash') {
    for (const change of stateChanges.values())
      if (calls.get(change.call)?.process === event.process) change.isForgotten = true;
  }
  if (event.type === 'announce') {
    const change = stateChanges.get(event.message.revision);
    if (change !== undefined) change.isAnnounced = true;
  }
  if (event.type !== 'commit' || event.status !== 'committed') return;
  const call = calls.get(event.call);
  const scope = call?.argument.scope ?? 'none';
  for (const change of changes) {
    const message = messageOf(event, change);
    if (message === null || stateChanges.has(message.revision)) continue;
    stateChanges.set(message.revision, {
      ...{ call: event.call, message, at, isOfHost: scope !== 'none' },
      ...{ isAnnounced: false, isForgotten: call?.hasCrashed ?? false },
    });
  }
}

function messageOf(
  { records }: CommitEvent,
  { runId, run, header, shards }: RunChange,
): Omit<StateMessage, 'at'> | null {
  const record = records.find(({ id }) => id === runId);
  if (record === undefined || run === null || header?.before == null) return null;
  const { before, after } = header;
  if (before.state === after.state) return null;
  const all = new Map([...run.shards, ...shards.map((shard) => [shard.after.index, shard.after] as const)]);
  return {
    ...{ runId, from: before.state, to: after.state, revision: record.revision },
    ...countsOf(after, all.values()),
    lastError: after.lastError,
  };
}
