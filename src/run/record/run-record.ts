import { RunError } from '../../errors.js';
import type { JsonValue } from '../../extraction/json-value.js';
import type { BackfillMode, Cursor, InstanceId, RunRecord } from '../../ports/repository.js';
import { isActive, isComplete, type RunState } from './run-state.js';
import { addTallies, emptyTally, type Tally } from './tally.js';

/** What a run is to do. Stored with it and never changed. */
export interface RunDefinition {
  readonly paths: readonly DefinedPath[];
  readonly missing: 'null' | 'omit';
  readonly limit: number | null;
  readonly instanceIds: readonly InstanceId[] | null;
  readonly maxFailures: number | null;
  /** Into how many ranges the instances are parted, each with a job and a checkpoint of its own. */
  readonly shards: number;
}

export interface DefinedPath {
  readonly key: string;
  readonly segments: readonly string[];
  readonly mode: BackfillMode;
}

/** The one record of a run that is about all of it. Times in milliseconds since the epoch. */
export interface RunHeader {
  readonly runId: string;
  readonly processModelId: string;
  readonly revision: number;
  /** What `activeKey` is while the run is active. */
  readonly claim: string;
  readonly definition: RunDefinition;
  readonly state: RunState;
  /** `null` until the first job freezes total and bound. */
  readonly total: number | null;
  readonly upTo: Cursor | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly lastError: string | null;
  /** Keys that a newer request has taken over; this run writes them no more. */
  readonly dropped: readonly string[];
  /** Failures from before the run was last set going, which do not count for `maxFailures`. */
  readonly forgiven: number;
  /** Somebody asked for the same after the freeze: go on to the instances that came since. */
  readonly again: boolean;
}

/** The checkpoint of one range of instances. */
export interface RunShard {
  readonly index: number;
  readonly revision: number;
  readonly done: boolean;
  /** The cursor of the last instance that has its outcome. */
  readonly after: Cursor | null;
  readonly upTo: Cursor | null;
  readonly tally: Tally;
  /** The last step that was allotted to a job. */
  readonly step: number;
  /** The step of the job that committed last; -1 before the first commit. */
  readonly epoch: number;
  /** The `handle` call that committed last. */
  readonly holder: string | null;
  /** When a batch was committed last, or the shard was created. */
  readonly at: number;
  /** Instances a second of late, `null` before the first batch. */
  readonly ratePerSecond: number | null;
  /** How often a sweep has missed its job since the last committed batch, and when it last did. */
  readonly swept: number;
  readonly sweptAt: number | null;
  /** Nobody needs to miss its job before, and why. */
  readonly notBefore: number | null;
  readonly waiting: string | null;
}

export interface Run {
  readonly header: RunHeader;
  readonly shards: readonly RunShard[];
}

const FORMAT = 1;

export function isAllDone({ shards }: Pick<Run, 'shards'>): boolean {
  return shards.every(({ done }) => done);
}

/** All outcomes of a run so far. */
export function tallyOf(run: Run): Tally {
  const none = emptyTally(run.header.definition.paths.length);
  const tally = run.shards.map((shard) => shard.tally).reduce(addTallies, none);
  const met = tally.processed + tally.failed + tally.gone;
  const unmet = isComplete(run.header.state) ? Math.max(0, (run.header.total ?? 0) - met) : 0;
  return { ...tally, gone: tally.gone + unmet };
}

export function recordsOf(run: Run): RunRecord[] {
  return [headerRecord(run.header), ...run.shards.map((shard) => shardRecord(run.header, shard))];
}

export function headerRecord(header: RunHeader): RunRecord {
  const { runId, processModelId, revision, ...content } = header;
  const activeKey = isActive(header.state) ? header.claim : null;
  return {
    id: runId,
    runId,
    processModelId,
    revision,
    activeKey,
    content: encode(content),
  };
}

export function shardRecord({ runId, processModelId }: RunHeader, shard: RunShard): RunRecord {
  const { revision, ...content } = shard;
  const id = shardRecordId(runId, shard.index);
  return {
    id,
    runId,
    processModelId,
    revision,
    activeKey: null,
    content: encode(content),
  };
}

export function shardRecordId(runId: string, index: number): string {
  return `${runId}_${index}`;
}

/**
 * The run that these records tell of, or `null` if there are none.
 * @throws {RunError} RUN_FORMAT when another version of the library wrote them.
 */
export function runFrom(records: readonly RunRecord[]): Run | null {
  const header = records.find((record) => record.id === record.runId);
  if (header === undefined) return null;
  const shards = records.filter((record) => record !== header).map(shardFrom);
  return {
    header: headerFrom(header),
    shards: shards.sort((a, b) => a.index - b.index),
  };
}

export function headerFrom(record: RunRecord): RunHeader {
  const { runId, processModelId, revision } = record;
  return {
    ...decode<Omit<RunHeader, 'runId' | 'processModelId' | 'revision'>>(record),
    runId,
    processModelId,
    revision,
  };
}

function shardFrom(record: RunRecord): RunShard {
  return {
    ...decode<Omit<RunShard, 'revision'>>(record),
    revision: record.revision,
  };
}

function encode(content: object): JsonValue {
  return { format: FORMAT, ...content } as unknown as JsonValue;
}

function decode<Content>({ content, runId }: RunRecord): Content {
  const { format, ...rest } = (content ?? {}) as { readonly format?: unknown };
  if (format !== FORMAT) {
    const found = format === undefined ? 'none' : JSON.stringify(format);
    throw new RunError(
      'RUN_FORMAT',
      runId,
      `Run ${runId} is stored in format ${found}, this version reads format ${FORMAT}. Finish it with the version that started it, or request it again.`,
    );
  }
  return rest as Content;
}
