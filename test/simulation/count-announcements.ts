import type { HistoryEvent } from './history.js';
import type { RecordReader } from './read-record.js';

export const ANNOUNCEMENT_NAMES = [
  'changes of state',
  'changes of state announced',
  'changes of state announced after a lost answer',
] as const;

type Add = (name: (typeof ANNOUNCEMENT_NAMES)[number]) => void;

/** Counts the changes of the states of runs, and how many of them subscribers hear of. */
export function announcementCounter(add: Add, reader: RecordReader): (event: HistoryEvent) => void {
  const states = new Map<string, string>();
  const unanswered = new Set<string>();
  const replaced: { readonly at: number; readonly runId: string; readonly state: string | undefined }[] = [];
  let last: HistoryEvent | null = null;
  let at = -1;
  return (event) => {
    at += 1;
    if (event.type === 'forget') {
      while ((replaced.at(-1)?.at ?? -1) >= event.since) {
        const { runId, state } = replaced.pop() ?? { runId: '', state: undefined };
        if (state === undefined) states.delete(runId);
        else states.set(runId, state);
      }
    }
    if (event.type === 'commit' && event.status === 'committed') {
      const isLost = last?.type === 'fault' && last.kind === 'answer-lost' && last.call === event.call;
      for (const record of event.records) {
        if (reader.isOwners(record) || !reader.isHeader(record)) continue;
        const { state } = reader.header(record);
        const before = states.get(record.runId);
        replaced.push({ at, runId: record.runId, state: before });
        states.set(record.runId, state);
        if (before === undefined || before === state) continue;
        add('changes of state');
        if (isLost || event.late) unanswered.add(record.revision);
      }
    }
    if (event.type === 'announce') {
      add('changes of state announced');
      if (unanswered.has(event.message.revision)) add('changes of state announced after a lost answer');
    }
    last = event;
  };
}
