import type { HistoryEvent } from './history.js';
import type { RecordReader } from './read-record.js';

export const LOOK_NAMES = [
  'statuses asked for beside other calls',
  'lists read while they grow',
  'lists whose walk was over before their last page',
  'reads of lists that failed',
  'differences left out of lists',
  'keys verified during their fill',
] as const;

type Add = (name: (typeof LOOK_NAMES)[number], times?: number) => void;

/** Counts what people look at, and what they get to see. */
export function lookCounter(add: Add, reader: RecordReader): (event: HistoryEvent) => void {
  const calls = new Map<number, { readonly method: string; readonly process: string }>();
  const unlisted = new Map<string, number>();
  return (event) => {
    if (event.type === 'call') {
      calls.set(event.call, event);
      if (event.method === 'status' && event.process !== 'afterwards')
        add('statuses asked for beside other calls');
    }
    if (event.type === 'return' || event.type === 'throw') {
      const isReader = calls.get(event.call)?.process === 'reader';
      if (isReader && event.type === 'return') add('lists read while they grow');
      if (isReader && event.type === 'throw' && event.code === 'RUN_STATE')
        add('lists whose walk was over before their last page');
      if (event.type === 'return' && calls.get(event.call)?.method === 'columns')
        add(
          'keys verified during their fill',
          (event.answer as readonly unknown[]).filter((column) => Object(column).verified?.duringFill).length,
        );
    }
    if (event.type !== 'commit' || event.status !== 'committed') return;
    for (const record of event.records) {
      const isOther =
        reader.isOwners(record) ||
        reader.isHeader(record) ||
        reader.failures(record) !== null ||
        reader.differences(record) !== null;
      if (isOther) continue;
      const { unlistedDifferences } = reader.shard(record);
      const more = unlistedDifferences - (unlisted.get(record.id) ?? 0);
      if (more > 0) add('differences left out of lists', more);
      unlisted.set(record.id, unlistedDifferences);
    }
  };
}
