import type { CallMethod, CommitEvent, HistoryEvent } from './history.js';
import type { HeaderView, RecordReader, ShardView } from './read-record.js';

/** Holds, early jobs, sweeps, runs without a queue and newer formats. */
export const HOLD_NAMES = [
  'early jobs handed back',
  'early jobs left to a sweep',
  'starts moved forward',
  'jobs that joins asked for',
  'joins of paused runs',
  'swept jobs begun',
  'sweeps before any worker came',
  'runs given up as stalled',
  'runs begun without a queue',
  'runs without a queue given one',
  'jobs of runs without a queue',
  'jobs and records in a newer format',
] as const;

type Add = (name: (typeof HOLD_NAMES)[number], times?: number) => void;

export function holdCounter(add: Add, reader: RecordReader): (event: HistoryEvent) => void {
  const methods = new Map<number, CallMethod>();
  const headers = new Map<string, HeaderView>();
  const shards = new Map<string, ShardView>();

  function countShard(id: string, after: ShardView, method: CallMethod | undefined): void {
    const before = shards.get(id);
    shards.set(id, after);
    if (before === undefined) return;
    if (after.handedBack > before.handedBack) add('early jobs handed back');
    if (after.started > before.started) add('swept jobs begun');
    if (after.sweeps > 10 && after.sweeps > before.sweeps && after.vain === 0)
      add('sweeps before any worker came');
    if (method !== 'request') return;
    if ((after.heldUntil ?? 0) < (before.heldUntil ?? 0)) add('starts moved forward');
    if (after.allottedStep > before.allottedStep) add('jobs that joins asked for');
  }

  function countHeader(after: HeaderView): void {
    const before = headers.get(after.runId);
    headers.set(after.runId, after);
    if (before === undefined && !after.hasQueue) add('runs begun without a queue');
    if (before?.hasQueue === false && after.hasQueue) add('runs without a queue given one');
    const isStalled = after.state === 'failed' && after.lastError?.startsWith('stalled') === true;
    if (isStalled && before?.state !== 'failed') add('runs given up as stalled');
  }

  function countCommit({ call, records }: CommitEvent): void {
    for (const record of records) {
      if (reader.isHeader(record)) countHeader(reader.header(record));
      else if (reader.failures(record) === null && reader.differences(record) === null)
        countShard(record.id, reader.shard(record), methods.get(call));
    }
  }

  return (event) => {
    if (event.type === 'commit') countCommit(event);
    if (event.type === 'throw' && event.code === 'RUN_FORMAT') add('jobs and records in a newer format');
    if (event.type === 'call') {
      methods.set(event.call, event.method);
      const { runId } = Object(event.argument);
      if (event.method === 'handle' && headers.get(runId)?.hasQueue === false)
        add('jobs of runs without a queue');
    }
    if (event.type === 'return') {
      const { state, created, total, waiting, runId } = Object(event.answer);
      const method = methods.get(event.call);
      if (method === 'request' && created === false && state === 'paused') add('joins of paused runs');
      const isEarly = method === 'handle' && total === 0 && waiting?.for === 'startAfter';
      const first = shards.get(`${runId}_0`);
      if (isEarly && first !== undefined && first.handedBack === first.allottedStep)
        add('early jobs left to a sweep');
    }
  };
}
