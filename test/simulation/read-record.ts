import type { JsonValue } from '../../src/extraction/json-value.js';
import type { RunRecord } from '../../src/ports/repository.js';

/** What a judge needs from the header of a run. */
export interface HeaderView {
  readonly runId: string;
  readonly state: string;
  readonly walk: number;
  readonly settled: boolean | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly requestedBy: string | null;
  readonly reason: string | null;
  readonly lastControl: JsonValue;
  readonly total: number | null;
  readonly upTo: number | null;
  readonly definition: {
    readonly paths: readonly {
      readonly key: string;
      readonly segments: readonly string[];
      readonly mode: string;
    }[];
    readonly missing: string;
    readonly clear: boolean;
    readonly limit: number | null;
    readonly instanceIds: readonly (string | number)[] | null;
    readonly maxFailures: number | null;
    readonly shards: number;
    readonly dryRun: boolean;
    readonly maxListedDifferences: number;
  };
  readonly lastError: string | null;
  readonly claims: readonly {
    readonly generation: number;
    readonly formerPaths: readonly (readonly string[])[];
  }[];
  readonly droppedKeys: readonly string[];
  /** Those that no other run has taken. */
  readonly keysDroppedByUpdates: readonly string[];
  readonly walkAgain: boolean;
  readonly hasQueue: boolean;
  readonly stateRevisions: readonly string[];
}

/** What a judge needs from a shard. */
export interface ShardView {
  readonly index: number;
  readonly done: boolean;
  readonly after: number | null;
  readonly upTo: number | null;
  readonly behind: readonly { readonly id: number; readonly tries: number }[];
  readonly allottedStep: number;
  readonly committedStep: number;
  readonly committedBy: string | null;
  readonly commits: number;
  readonly progressAt: number;
  readonly sweeps: number;
  readonly sweptAt: number | null;
  readonly started: number;
  readonly vain: number;
  readonly heldUntil: number | null;
  readonly heldFor: string | null;
  readonly handedBack: number;
  readonly tally: {
    readonly processed: number;
    readonly updated: number;
    readonly failed: number;
    readonly gone: number;
    readonly keys: readonly {
      readonly written: number;
      readonly kept: number;
      readonly null: number;
      readonly missing: number;
      readonly failed: number;
      readonly replaced: number;
      readonly orphaned: number;
      readonly cleared: number;
      readonly truncated: number;
    }[];
    /** Empty if nothing differs. */
    readonly differences: readonly DifferenceCountsView[];
  };
  readonly failureRecords: number;
  readonly failuresFrom: number;
  readonly differenceRecords: number;
  readonly differencesFrom: number;
  readonly unlistedDifferences: number;
}

/** Of one key. */
export interface DifferenceCountsView {
  readonly absent: number;
  readonly different: number;
  readonly orphaned: number;
}

/** What a judge needs from a record of failures. */
export interface FailuresView {
  readonly record: Pick<RunRecord, 'id' | 'runId'>;
  /** Of the run that it belongs to. */
  readonly ofRun: string;
  readonly shard: number;
  readonly number: number;
  readonly bytes: number;
  readonly failures: readonly {
    readonly instanceId: number;
    readonly key: string | null;
    readonly code: string;
  }[];
}

/** What a judge needs from a record of differences. */
export interface DifferencesView extends Omit<FailuresView, 'failures'> {
  readonly differences: readonly {
    readonly instanceId: number;
    readonly key: string;
    readonly code: string;
  }[];
}

/** What a judge needs from one key of an owner record. */
export interface OwnedKeyView {
  readonly key: string;
  /** `null`: the key is read nowhere. */
  readonly segments: readonly string[] | null;
  readonly filler: string | null;
  readonly tried: boolean;
  readonly verified?: {
    readonly runId: string;
    readonly generation: number;
    readonly filler: string | null;
    readonly since: number;
    readonly at: number;
    readonly verdict: string;
    readonly absent: number;
    readonly different: number;
    readonly orphaned: number;
    readonly total: number;
  } | null;
}

/** Reads the `content` of records. A judge knows nothing else about the library that wrote them. */
export interface RecordReader {
  /** Whether it is the owner record of a model, which belongs to no run. */
  isOwners(record: RunRecord): boolean;
  ownedKeys(record: RunRecord): readonly OwnedKeyView[];
  /** `null` if it is no record of failures. */
  failures(record: RunRecord): FailuresView | null;
  /** `null` if it is no record of differences. */
  differences(record: RunRecord): DifferencesView | null;
  isHeader(record: RunRecord): boolean;
  header(record: RunRecord): HeaderView;
  shard(record: RunRecord): ShardView;
}

/** Reads records of format 1, in which `content` has these members under these names. */
export const libraryRecords: RecordReader = {
  isOwners: ({ id }) => id.endsWith('_keys'),
  ownedKeys: ({ content }) => (content as unknown as { readonly keys: readonly OwnedKeyView[] }).keys,
  failures: (record) => readList<FailuresView>(record, 'f'),
  differences: (record) => readList<DifferencesView>(record, 'd'),
  isHeader: ({ id, runId }) => id === runId,
  header: readHeader,
  shard: ({ content }) => content as unknown as ShardView,
};

export function readHeader({ runId, content }: RunRecord): HeaderView {
  const header = content as unknown as Omit<HeaderView, 'droppedKeys' | 'keysDroppedByUpdates'> & {
    readonly droppedKeys: readonly { readonly key: string; readonly takenBy: string | null }[];
  };
  const byUpdates = header.droppedKeys.filter(({ takenBy }) => takenBy === null);
  return {
    ...header,
    runId,
    droppedKeys: header.droppedKeys.map(({ key }) => key),
    keysDroppedByUpdates: byUpdates.map(({ key }) => key),
  };
}

function readList<View extends FailuresView | DifferencesView>(
  record: RunRecord,
  letter: string,
): View | null {
  const [, ofRun, found, shard] = /^([^_]+)_([a-z])(\d+)_/.exec(record.id) ?? [];
  if (ofRun === undefined || found !== letter) return null;
  const content = record.content as unknown as View;
  const bytes = Buffer.byteLength(JSON.stringify(content));
  return { ...content, record, ofRun, shard: Number(shard), bytes };
}
