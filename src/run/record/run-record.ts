import { RunError } from '../../errors.js';
import type { JsonValue } from '../../extraction/json-value.js';
import type { BackfillMode, Cursor, InstanceId, RunRecord } from '../../ports/repository.js';
import { DEFAULT_LISTED_DIFFERENCES } from './difference-counts.js';
import type { LeftBehind } from './left-behind.js';
import type { Pace } from './pace.js';
import { headerProblem, shardProblem } from './record-problem.js';
import type { RunCounts } from './run-counts.js';
import { isActive, isComplete, type RunState } from './run-state.js';
import { addTallies, emptyTally, shownCounts, type Tally, visited } from './tally.js';

// The words of a run, each with one meaning:
// - run: the filling of one set of paths into the instances of one model. It is stored as one header and its shards.
// - walk: going over the instances of a run once, from the first to the bound. A run makes up to three.
// - freeze: the first job of a walk fixes its total and its bounds.
// - settled: a walk is, if the transactions that were open when it began had ended before its freeze.
// - dry run: a run that writes no value. It owns no key. A verification is one.
// - trial: a run over some instances only, by `limit` or `instanceIds`. It makes one walk.
// - shard: a range of those instances, with a checkpoint of its own.
// - batch: the instances of one commit. A page is what one read returns.
// - job: what the queue delivers to work on a shard. Each job has a step, which is allotted before it is enqueued.
// - slice: the part of a walk that one job does before it hands over to a continuation, the job of the next step.
// - outcome: processed, failed or gone. An instance is visited once it has its outcome.
// - filled: an instance that has a value other than null under every key.
// - left behind: an instance that was saved between its read and its commit. It is read again by its id.
// - complete: a run in which every instance has its outcome.
// - active: a run that can still change by itself or by resume from pause. Its active key is unique in the store.
// - held: a shard that no job works on before a set time, because of `startAfter` or a throttle.
// - hand back: a job that was delivered before the hold is over goes back to the queue, under a new step.
// - swept: a shard for which a sweep enqueued a job, because it showed no progress.

/** What a run does. Stored with the run and never changed. */
export interface RunDefinition {
  readonly paths: readonly DefinedPath[];
  readonly missing: 'null' | 'omit';
  /** Whether a stored value goes when its path finds nothing. */
  readonly clear: boolean;
  readonly limit: number | null;
  readonly instanceIds: readonly InstanceId[] | null;
  readonly maxFailures: number | null;
  /** The most ranges that the instances are split into, each with jobs and a checkpoint of its own. */
  readonly shards: number;
  /** Whether it only reads and counts. Then it owns no key and takes none over. */
  readonly dryRun: boolean;
  /** What a dry run stores of each difference that it finds: only key and kind, or also the values. */
  readonly differences: 'keys' | 'values';
  /** The most differences that each shard lists in one walk. */
  readonly maxListedDifferences: number;
}

export interface DefinedPath {
  readonly key: string;
  readonly segments: readonly string[];
  /** With `remove`, the key is read nowhere from now on. */
  readonly mode: BackfillMode;
}

/** Who asked for something, and why. `null`: nobody said so. */
export interface Requester {
  readonly requestedBy: string | null;
  readonly reason: string | null;
}

export const NOBODY: Requester = { requestedBy: null, reason: null };

/** How somebody last intervened in a run. */
export interface RunControl extends Requester {
  readonly action: 'pause' | 'resume' | 'cancel';
  /** Milliseconds since the epoch. */
  readonly at: number;
}

/** The record about the whole of a run. Times are milliseconds since the epoch. The requester is that of the first request. */
export interface RunHeader extends Requester {
  readonly runId: string;
  readonly processModelId: string;
  readonly revision: string;
  /** How often it has been stored since its creation. */
  readonly changes: number;
  /** Unique in the store while the run is active: a fingerprint of what was asked for. */
  readonly activeKey: string;
  readonly definition: RunDefinition;
  readonly state: RunState;
  /** From 1 on. Total, bound and outcomes are those of this walk. */
  readonly walk: number;
  /** `null` until the first job of the walk freezes total and bound. */
  readonly total: number | null;
  readonly upTo: Cursor | null;
  readonly createdAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly lastError: string | null;
  /** The claims of the run on its keys, in the order of the definition's paths. */
  readonly claims: readonly KeyClaim[];
  /** Keys that this run no longer writes. */
  readonly droppedKeys: readonly DroppedKey[];
  /** What the next freeze waits for (see `settled` of the repository). `null`: the first job makes a mark. */
  readonly mark: string | null;
  /** When this walk began to wait. `null`: it has not waited for long. */
  readonly markedAt: number | null;
  /** Whether the walk of the last freeze was settled. `null`: nobody knows, or it is a trial. */
  readonly settled: boolean | null;
  /** Instances of this walk that were allowed to fail at the end of a shard, with no other one left to write beside them. */
  readonly unproven: readonly Unproven[];
  /** Failures from before the last resume. They do not count for `maxFailures`. */
  readonly forgivenFailures: number;
  /** One more walk is due before the run is complete: somebody has joined since the freeze, or this walk was not settled. */
  readonly walkAgain: boolean;
  /** Whether jobs of a queue work on it. Otherwise only its caller does, and no sweep enqueues a job for it. */
  readonly hasQueue: boolean;
  /** `null`: nobody has paused, resumed or cancelled it. */
  readonly lastControl: RunControl | null;
  /** `null` while it is active. */
  readonly counts: RunCounts | null;
  /** The revisions that the last changes of its state gave it. By these, a process finds out that a change of its own is stored. */
  readonly stateRevisions: readonly string[];
}

/** What earlier versions have not stored. */
const LATER_MEMBERS: Pick<RunHeader, 'requestedBy' | 'reason' | 'lastControl' | 'counts' | 'stateRevisions'> =
  {
    ...NOBODY,
    lastControl: null,
    counts: null,
    stateRevisions: [],
  };

/** When a run got a key, and from where some of its rows may be. */
export interface KeyClaim {
  /** That of the key in the owner record. Once the record has a later one, the run no longer writes the key. */
  readonly generation: number;
  /** The paths of earlier runs that have not completed. */
  readonly formerPaths: readonly (readonly string[])[];
  /** Of a run that owns no key: which run filled the key then, and which had verified it. Earlier versions have not stored them. */
  readonly filler?: string | null;
  readonly verifier?: string | null;
}

/** How many instances were about to fail in a shard after so many commits. */
export interface Unproven {
  readonly shard: number;
  readonly commits: number;
  readonly instances: number;
}

export interface DroppedKey {
  readonly key: string;
  /** The run that has taken it over. `null`: a model update has removed the key or changed its path. */
  readonly takenBy: string | null;
}

/** The checkpoint of one range of instances. */
export interface RunShard {
  readonly index: number;
  readonly revision: string;
  /** How often it has been stored since its creation. */
  readonly changes: number;
  /** How many batches have been committed. A stored shard with fewer than one that was seen has lost commits. */
  readonly commits: number;
  readonly done: boolean;
  /** The cursor of the last instance that has its outcome or was left behind. */
  readonly after: Cursor | null;
  readonly upTo: Cursor | null;
  /** The instances up to `after` without an outcome, in the order of the walk. */
  readonly behind: readonly LeftBehind[];
  readonly tally: Tally;
  /** How many failure records all walks have stored, and which of them is the first of this walk. */
  readonly failureRecords: number;
  readonly failuresFrom: number;
  /** The same of the differences that a dry run finds. */
  readonly differenceRecords: number;
  readonly differencesFrom: number;
  /** How many differences this walk has counted without listing them. */
  readonly unlistedDifferences: number;
  /** The last instance that got a value, in any walk. `null`: none did. */
  readonly lastWritten: InstanceId | null;
  /** The last step that was allotted to a job. */
  readonly allottedStep: number;
  /** The step of the job that committed last. -1 before the first commit. */
  readonly committedStep: number;
  /** The `handle` call that committed last, and which of its commits that was. */
  readonly committedBy: string | null;
  /** When it last committed a batch, or was opened. */
  readonly progressAt: number;
  readonly pace: Pace;
  /** Instances per second. `null` before the first batch. */
  readonly ratePerSecond: number | null;
  /** Milliseconds between its last two commits. */
  readonly batchMs: number | null;
  /** The most instances in a batch, learnt from time-outs. `null`: no time-out yet. */
  readonly batchSizeLimit: number | null;
  /** How many sweeps have enqueued a job for it since the last committed batch, and when the last one did. */
  readonly sweeps: number;
  readonly sweptAt: number | null;
  /** The step of the last job that began while the shard was swept. -1: none did. */
  readonly started: number;
  /** How many of these sweeps were in vain: their job began, and no batch was committed. */
  readonly vain: number;
  /** No job works on it before this time, and for what reason. */
  readonly heldUntil: number | null;
  readonly heldFor: string | null;
  /** The step under which an early job was handed back in this hold. -1: none was. */
  readonly handedBack: number;
}

export interface Run {
  readonly header: RunHeader;
  readonly shards: readonly RunShard[];
}

/** Of the content of each record. */
export const FORMAT = 1;

/** Whether a record or a job says that it is in the format of a newer version. */
export function isNewerFormat(format: unknown): boolean {
  return typeof format === 'number' && format > FORMAT;
}

export function isAllDone({ shards }: Pick<Run, 'shards'>): boolean {
  return shards.every(({ done }) => done);
}

export function openShards(shards: readonly RunShard[]): RunShard[] {
  return shards.filter(({ done }) => !done);
}

/** All outcomes of a run so far. Summed once: a run with many shards and keys is asked for them again and again. */
export function tallyOf(run: Run): Tally {
  const known = tallies.get(run) ?? sumOf(run);
  tallies.set(run, known);
  return known;
}

const tallies: WeakMap<Run, Tally> = new WeakMap();

function sumOf(run: Run): Tally {
  const none = emptyTally(run.header.definition.paths.length);
  const tally = run.shards.map((shard) => shard.tally).reduce(addTallies, none);
  const unmet = isComplete(run.header.state) ? Math.max(0, (run.header.total ?? 0) - visited(tally)) : 0;
  return { ...tally, gone: tally.gone + unmet, keys: tally.keys.map(shownCounts) };
}

/** How many instances the walk covers. Late ones inside the bound add to those of the freeze. */
export function totalOf(run: Run): number {
  return Math.max(run.header.total ?? 0, visited(tallyOf(run)));
}

export function recordsOf(run: Run): RunRecord[] {
  return [headerRecord(run.header), ...run.shards.map((shard) => shardRecord(run.header, shard))];
}

export function headerRecord(header: RunHeader): RunRecord {
  const { runId, processModelId, revision, ...content } = header;
  const activeKey = isActive(header.state) ? header.activeKey : null;
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
 * The run that these records describe, or `null` if there are none.
 * @throws {RunError} RUN_FORMAT when another version of the library wrote them, or one of them is damaged or missing.
 *   Retryable only if a newer version wrote them.
 */
export function runFrom(records: readonly RunRecord[]): Run | null {
  const [first] = records;
  if (first === undefined) return null;
  const record = records.find(({ id, runId }) => id === runId);
  if (record === undefined) throw damaged(first.runId, first.runId, 'it is missing');
  const header = headerFrom(record);
  const shards = records.filter((other) => other !== record).map(shardFrom);
  shards.sort((a, b) => a.index - b.index);
  const missing = Math.max(
    shards.length === 0 ? 0 : -1,
    shards.findIndex(({ index }, place) => index !== place),
  );
  if (missing >= 0) throw damaged(header.runId, shardRecordId(header.runId, missing), 'it is missing');
  return { header, shards };
}

export function headerFrom(record: RunRecord): RunHeader {
  const { runId, processModelId, revision } = record;
  const content = decode<Omit<RunHeader, 'runId' | 'processModelId' | 'revision'>>(record, headerProblem);
  return {
    ...LATER_MEMBERS,
    ...content,
    definition: withLaterMembers(content.definition),
    runId,
    processModelId,
    revision,
  };
}

/** With what earlier versions have not stored. */
function withLaterMembers(
  definition: Omit<RunDefinition, 'dryRun' | 'differences' | 'maxListedDifferences'> & Partial<RunDefinition>,
): RunDefinition {
  const { dryRun = false, differences = 'keys' } = definition;
  const { maxListedDifferences = DEFAULT_LISTED_DIFFERENCES } = definition;
  return { ...definition, dryRun, differences, maxListedDifferences };
}

function shardFrom(record: RunRecord): RunShard {
  const content = decode<Omit<RunShard, 'revision'>>(record, shardProblem);
  return {
    ...NO_LISTS,
    ...content,
    tally: { ...{ differences: [] }, ...content.tally }, // earlier versions have not stored it
    revision: record.revision,
  };
}

/** What earlier versions have not stored. */
const NO_LISTS = {
  failureRecords: 0,
  failuresFrom: 0,
  differenceRecords: 0,
  differencesFrom: 0,
  unlistedDifferences: 0,
};

export function encode(content: object): JsonValue {
  return { format: FORMAT, ...content } as unknown as JsonValue;
}

export function decode<Content>(
  { id, content, runId }: RunRecord,
  problemOf: (content: object) => string | null,
): Content {
  if (typeof content === 'string') {
    const message = `Run ${runId}: the content of record ${id} is a text, expected the JSON value that was stored. The repository has to parse the JSON of content.`;
    throw new RunError('RUN_FORMAT', runId, message);
  }
  const { format, ...rest } = Object(content) as { readonly format?: unknown };
  if (format === undefined) throw damaged(runId, id, 'it is no content that the library has stored');
  if (isNewerFormat(format)) throw newerFormat(runId, `record ${id}`, format);
  if (format !== FORMAT) {
    const found = JSON.stringify(format);
    throw new RunError(
      'RUN_FORMAT',
      runId,
      `Run ${runId} is stored in format ${found}, this version reads format ${FORMAT}. Finish it with the version that started it, or request it again.`,
    );
  }
  const problem = problemOf(rest);
  if (problem !== null) throw damaged(runId, id, `${problem} cannot be read`);
  return rest as Content;
}

/** Retryable: during a deployment, another worker or the next version of this one can read it. */
export function newerFormat(runId: string, what: string, format: unknown): RunError {
  const message = `Run ${runId}: a newer version of the library wrote ${what}, in format ${JSON.stringify(format)}. This version reads format ${FORMAT} and leaves the run to newer workers.`;
  return new RunError('RUN_FORMAT', runId, message, { retryable: true });
}

function damaged(runId: string, recordId: string, problem: string): RunError {
  const message = `Run ${runId} has a damaged record ${recordId}: ${problem}. Restore that record as it was stored, or delete all records of the run and request it again.`;
  return new RunError('RUN_FORMAT', runId, message);
}
