import { ANNOUNCEMENT_NAMES, announcementCounter } from './count-announcements.js';
import { HOLD_NAMES, holdCounter } from './count-holds.js';
import { LOOK_NAMES, lookCounter } from './count-looks.js';
import type { CommitEvent, History, HistoryEvent } from './history.js';
import { isWorkable } from './judge/judged-world.js';
import {
  type HeaderView,
  libraryRecords,
  type OwnedKeyView,
  type RecordReader,
  type ShardView,
} from './read-record.js';
import { REFUSED_VALUE } from './world/poison.js';
import { isPoisoned } from './world/simulated-store.js';

const NAMES = [
  'crashes',
  'stalls',
  'shutdowns',
  'calls failed',
  'answers lost',
  'calls during an outage',
  'crashes of the store with losses',
  'commits landed late',
  'late commits refused',
  'commits refused',
  'batches bisected',
  'instances refused',
  'instances left behind',
  'instances read again',
  'instances too busy',
  'batches too busy',
  'instances blamed beside others',
  'instances blamed at the end of a shard',
  'failures listed',
  'failures behind the first twenty records',
  'batches with several records of failures',
  'records left without failures',
  'differences listed',
  'differences behind the first record of a shard',
  'jobs stopped at an instance',
  'batches too slow',
  'pages too slow',
  'pages of a lagging replica',
  'ends not proven',
  'races won by the live writer',
  'instances passed over',
  'instances gone',
  'jobs lost',
  'jobs doubled',
  'jobs dropped as duplicates',
  'jobs given up',
  'jobs superseded',
  'jobs delivered before their run was stored',
  'jobs enqueued by sweeps',
  'rescues',
  'holds',
  ...HOLD_NAMES,
  ...ANNOUNCEMENT_NAMES,
  ...LOOK_NAMES,
  'pauses',
  'resumes',
  'cancels',
  'take-ups',
  'runs in shards',
  'runs failed',
  'runs completed',
  'walks after the first',
  'third walks',
  'walks that were not settled',
  'waits for open transactions',
  'instances inserted slowly',
  'requests joined',
  'requests joined too late',
  'limits reached',
  'keys taken over',
  'keys removed or changed by an update',
  'keys dropped by a resume',
  'requests refused by another one',
  'runs with former paths',
  'values of former paths replaced',
  'values replaced',
  'values orphaned',
  'values cleared',
  'rows deleted',
  'runs that remove keys completed',
  'retries of failed instances',
  'retries joined',
  'keys verified',
  'keys verified as equal',
  'verified keys requested, removed or tried',
  'keys changed during their verification',
] as const;

/** How often each kind of event happened. The simulation proves nothing about a kind that never happens. */
export type Exercised = Readonly<Record<(typeof NAMES)[number], number>>;

export function countExercised(history: History, reader: RecordReader = libraryRecords): Exercised {
  const counts = new Map<keyof Exercised, number>();
  const add = (name: keyof Exercised, times = 1): void => {
    counts.set(name, (counts.get(name) ?? 0) + times);
  };
  const countCall = callCounter(add);
  const countCommit = commitCounter(add, reader);
  const countBlame = history.rules.needsWitness ? blameCounter(add) : () => {};
  const countHold = holdCounter(add, reader);
  const countAnnouncement = announcementCounter(add, reader);
  const countLook = lookCounter(add, reader);
  for (const event of history.events) {
    const name = nameOf(event);
    if (name !== null) add(name);
    if (event.type === 'read')
      add('instances passed over', event.page.filter(({ isPassedOver }) => isPassedOver).length);
    countCall(event);
    if (event.type === 'commit') countCommit(event);
    if (event.type === 'commit') countBlame(event);
    countHold(event);
    countAnnouncement(event);
    countLook(event);
  }
  return Object.fromEntries(NAMES.map((name) => [name, counts.get(name) ?? 0])) as Exercised;
}

type Add = (name: keyof Exercised, times?: number) => void;

function nameOf(event: HistoryEvent): keyof Exercised | null {
  switch (event.type) {
    case 'crash':
      return 'crashes';
    case 'stall':
      return 'stalls';
    case 'forget':
      return 'crashes of the store with losses';
    case 'abort':
      return 'shutdowns';
    case 'give-up':
      return 'jobs given up';
    case 'fault':
      return FAULTS[event.kind];
    case 'throw':
      if (event.message.includes(REFUSED_VALUE)) return 'jobs stopped at an instance';
      return event.code === 'RUN_NOT_FOUND' ? 'jobs delivered before their run was stored' : null;
    case 'insert':
      return event.transaction === null ? null : 'instances inserted slowly';
    case 'read':
      return event.lagging ? 'pages of a lagging replica' : null;
    case 'enqueue':
      return JOBS[event.fate];
    default:
      return null;
  }
}

const FAULTS = {
  failed: 'calls failed',
  'answer-lost': 'answers lost',
  'lands-late': 'answers lost',
  down: 'calls during an outage',
  'too-slow': 'pages too slow',
  unreadable: 'reads of lists that failed',
} as const;

const JOBS = {
  queued: null,
  lost: 'jobs lost',
  doubled: 'jobs doubled',
  known: 'jobs dropped as duplicates',
} as const;

function callCounter(add: Add): (event: HistoryEvent) => void {
  const calls = new Map<
    number,
    { readonly method: string; readonly shard: unknown; readonly step: number }
  >();
  return (event) => {
    if (event.type === 'call') {
      const { shard, step } = Object(event.argument);
      calls.set(event.call, { method: event.method, shard, step });
      if (event.method === 'take-up') add('take-ups');
    }
    if (event.type === 'enqueue') {
      const job = calls.get(event.call);
      const isOwn = job?.method === 'handle' && job.shard === event.payload.shard;
      if (isOwn && event.payload.step > job.step + 1) add('rescues');
    }
    if (event.type === 'return') {
      const { state, created, covered, enqueued } = Object(event.answer);
      const method = calls.get(event.call)?.method;
      if (method === 'handle' && state === 'superseded') add('jobs superseded');
      if (method === 'request' && created === false)
        add(covered === true ? 'requests joined' : 'requests joined too late');
      if (method === 'sweep') add('jobs enqueued by sweeps', enqueued.length);
      if (method === 'pause') add('pauses');
      if (method === 'resume') add('resumes');
      if (method === 'cancel') add('cancels');
      if (method === 'retry-failed' && created !== undefined)
        add(created ? 'retries of failed instances' : 'retries joined');
    }
  };
}

function blameCounter(add: Add): (event: CommitEvent) => void {
  const refused = new Set<string>();
  return ({ call, status, instances }) => {
    const [only] = instances;
    if (status === 'refused' && instances.length === 1) refused.add(`${call} ${only?.id}`);
    if (status !== 'committed') return;
    const isBeside = instances.some(({ values }) => values.length > 0);
    const isBlamed = ({ id, values }: CommitEvent['instances'][number]) =>
      refused.has(`${call} ${id}`) && !values.some(isPoisoned);
    add(
      isBeside ? 'instances blamed beside others' : 'instances blamed at the end of a shard',
      instances.filter(isBlamed).length,
    );
  };
}

function commitCounter(add: Add, reader: RecordReader): (event: CommitEvent) => void {
  const headers = new Map<string, HeaderView>();
  const tallies = new Map<string, ShardView['tally']>();
  const former = new Set<string>();
  let verified = new Map<string, OwnedKeyView['verified']>();

  function countVerified(keys: readonly OwnedKeyView[], records: CommitEvent['records']): void {
    const now = new Map(keys.map((owned) => [owned.key, owned.verified ?? null]));
    const ended = records.filter((record) => !reader.isOwners(record) && reader.isHeader(record));
    for (const { runId, state, definition } of ended.map(reader.header)) {
      if (!state.startsWith('completed') || !definition.dryRun) continue;
      for (const { key } of definition.paths) {
        const found = now.get(key);
        if (found?.runId !== runId) add('keys changed during their verification');
        else add('keys verified');
        if (found?.runId === runId && found.verdict === 'equal') add('keys verified as equal');
      }
    }
    for (const [key, before] of verified)
      if (before != null && now.get(key) === null) add('verified keys requested, removed or tried');
    verified = now;
  }

  return ({ status, late, instances, kept, gone, moved, written, records, expected }) => {
    if (late) add(status === 'committed' ? 'commits landed late' : 'late commits refused');
    if (status === 'conflict') add('commits refused');
    const isOfOwners = expected.some(({ id }) => id.endsWith('_keys'));
    if (status === 'conflict' && isOfOwners) add('requests refused by another one');
    if (status === 'not-exhausted') add('ends not proven');
    if (status === 'undone' && moved.length > MOST_BEHIND / 2) add('batches too busy');
    if (status === 'too-slow') add('batches too slow');
    if (status === 'refused') add(instances.length > 1 ? 'batches bisected' : 'instances refused');
    add('races won by the live writer', kept.length);
    add('instances gone', gone.length);
    const lists = records.filter((record) => reader.failures(record) !== null);
    if (lists.length > 1) add('batches with several records of failures');
    add('rows deleted', written.filter(({ row }) => row === null).length);
    for (const record of records) {
      if (reader.isOwners(record)) {
        countVerified(reader.ownedKeys(record), records);
        continue;
      }
      const ofDifferences = reader.differences(record);
      if (ofDifferences !== null) {
        add('differences listed', ofDifferences.differences.length);
        if (ofDifferences.number > 0) add('differences behind the first record of a shard');
        continue;
      }
      const ofFailures = reader.failures(record);
      if (ofFailures !== null) {
        add('failures listed', ofFailures.failures.length);
        if (ofFailures.failures.length === 0) add('records left without failures');
        if (ofFailures.number >= 20) add('failures behind the first twenty records');
        continue;
      }
      if (!reader.isHeader(record)) {
        const { heldFor, tally, behind } = reader.shard(record);
        const left = new Set(behind.map(({ id }) => id));
        add('instances left behind', moved.filter((id) => left.has(id)).length);
        add('instances read again', behind.filter(({ tries }) => tries > 0).length);
        add('instances too busy', moved.filter((id) => !left.has(id)).length);
        if (heldFor !== null)
          add(heldFor.startsWith('transactions') ? 'waits for open transactions' : 'holds');
        const before = tallies.get(record.id);
        tallies.set(record.id, tally);
        for (const name of ['replaced', 'orphaned', 'cleared'] as const) {
          const more = countOf(tally, name) - (before === undefined ? 0 : countOf(before, name));
          add(`values ${name}`, more);
          if (name === 'replaced' && former.has(record.runId)) add('values of former paths replaced', more);
        }
        continue;
      }
      const [before, after] = [headers.get(record.runId), reader.header(record)];
      headers.set(record.runId, after);
      if (before === undefined) {
        if (!after.claims.some(({ formerPaths }) => formerPaths.length > 0)) continue;
        add('runs with former paths');
        former.add(record.runId);
        continue;
      }
      const shards = records.filter(({ runId }) => runId === record.runId).length - 1;
      if (after.state === 'failed' && isWorkable(before.state)) add('runs failed');
      if (after.state.startsWith('completed')) add('runs completed');
      const removes = after.definition.paths.some(({ mode }) => mode === 'remove');
      if (removes && after.state.startsWith('completed')) add('runs that remove keys completed');
      if (before.upTo === null && after.upTo !== null && shards > 1) add('runs in shards');
      if (before.walk !== after.walk) add(after.walk === 2 ? 'walks after the first' : 'third walks');
      if (before.total === null && after.settled === false) add('walks that were not settled');
      const { limit } = after.definition;
      if (after.state.startsWith('completed') && after.total === limit) add('limits reached');
      const dropped = after.droppedKeys.slice(before.droppedKeys.length);
      add('keys taken over', dropped.length);
      if (before.state === 'failed') add('keys dropped by a resume', dropped.length);
      const byUpdate = dropped.filter((key) => after.keysDroppedByUpdates.includes(key));
      add('keys removed or changed by an update', byUpdate.length);
    }
  };
}

const MOST_BEHIND = 100;

/** Of all keys. */
function countOf({ keys }: ShardView['tally'], name: 'replaced' | 'orphaned' | 'cleared'): number {
  return keys.reduce((sum, counts) => sum + counts[name], 0);
}
