import type { RunRecord } from '../../ports/repository.js';
import type { InstanceDifference } from './difference-counts.js';
import { isCount, isListOf } from './record-problem.js';
import { decode, encode, type RunHeader } from './run-record.js';
import type { InstanceFailure } from './tally.js';

// The commit of a batch stores the failures of its instances in records of their own. A dry run stores the differences that it
// finds in the same way. Each shard numbers the records of each list. Their run ids are derived from that of the run, so that
// loading the run does not load them. Up to 20 records share one run id.

/** What a run lists, by the name of the list. */
export interface Listed {
  readonly failures: InstanceFailure;
  readonly differences: InstanceDifference;
}

export type ListName = keyof Listed;

/** The content of one such record. */
export interface StoredList<Name extends ListName> {
  /** Within its shard and list, from 0 on. */
  readonly number: number;
  /** Empty if none of the items that were expected had to be listed. */
  readonly items: readonly Listed[Name][];
}

const LETTERS: Readonly<Record<ListName, string>> = { failures: 'f', differences: 'd' };

/** Of the content of a record, as JSON. Only a single item that is larger exceeds it. */
const MOST_BYTES = 16_384;
/** Of what is around the items. */
const FRAME_BYTES = 80;
/** How many records one load returns. */
const GROUP = 20;

/** Items in records of limited size, in their order. Fewer items never need more records. */
export function packItems<Item extends object>(items: readonly Item[]): readonly (readonly Item[])[] {
  const packed: Item[][] = [];
  let left = 0;
  for (const item of items) {
    const bytes = Buffer.byteLength(JSON.stringify(item)) + 1; // with the comma behind it
    const last = packed.at(-1);
    if (last === undefined || bytes > left) {
      packed.push([item]);
      left = MOST_BYTES - FRAME_BYTES - bytes;
    } else {
      last.push(item);
      left -= bytes;
    }
  }
  return packed;
}

export function listRecord<Name extends ListName>(
  name: Name,
  { runId, processModelId }: Pick<RunHeader, 'runId' | 'processModelId'>,
  shard: number,
  { number, items }: StoredList<Name>,
  revision: string,
): RunRecord {
  return {
    id: listRecordId(name, runId, shard, number),
    runId: listRunId(name, runId, shard, number),
    processModelId,
    revision,
    activeKey: null,
    content: encode({ number, [name]: items }),
  };
}

export function listRecordId(name: ListName, runId: string, shard: number, number: number): string {
  return `${listRunId(name, runId, shard, number)}_${number}`;
}

/** Takes the place of a run id: one `loadRun` returns the record of this number and those beside it. */
export function listRunId(name: ListName, runId: string, shard: number, number: number): string {
  return `${runId}_${LETTERS[name]}${shard}_${Math.floor(number / GROUP)}`;
}

/** The number of the first record behind those that are loaded together with this one. */
export function nextGroup(number: number): number {
  return (Math.floor(number / GROUP) + 1) * GROUP;
}

/** Whether it is behind the first records of its list. No report loads such a record. */
export function isLaterInList({ id, runId }: RunRecord): boolean {
  return id !== runId && OWN_PART.test(runId) && !runId.endsWith('_0');
}

/** What follows the id of the run. */
const OWN_PART = /_[fd]\d+_\d+$/;

/** @throws {RunError} RUN_FORMAT when another version of the library wrote the record, or it is damaged. */
export function listIn<Name extends ListName>(name: Name, record: RunRecord): StoredList<Name> {
  const runId = record.runId.replace(OWN_PART, '');
  const content = decode<{ readonly number: number } & Record<Name, readonly Listed[Name][]>>(
    { ...record, runId },
    (members) => listProblem(name, members),
  );
  return { number: content.number, items: content[name] };
}

function listProblem(name: ListName, content: object): string | null {
  const { number, [name]: items } = content as Readonly<Record<string, unknown>>;
  if (!isCount(number)) return 'number';
  return isListOf(items, (item) => typeof item === 'object' && item !== null) ? null : name;
}
