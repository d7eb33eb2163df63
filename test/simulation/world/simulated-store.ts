import type {
  CommitResult,
  InstanceSurvey,
  MetadataWrite,
  PageEntry,
  PageQuery,
  RepositoryCommit,
  RunFilter,
  RunRecord,
  SettledAnswer,
  SplitQuery,
  SurveyQuery,
} from '../../../src/ports/repository.js';
import type { CommitEvent, HistoryEvent, Row, WrittenRow } from '../history.js';
import { type PageOptions, pageOf } from './page-of.js';
import type { Poison } from './poison.js';
import { createStoredInstances, type StoredInstance, type StoredInstances } from './stored-instances.js';
import { createStoredRecords, type HostTransaction } from './stored-records.js';

export interface StoreOptions extends PageOptions {
  readonly poison: Poison;
  readonly now: () => number;
  /** Whether it may lose its last commits. */
  readonly forgets: boolean;
  /** Returns the index of the event. */
  readonly record: (event: HistoryEvent) => number;
}

/**
 * The methods of a repository that has no faults: each takes effect at once and as a whole. The caller adds delays, lost
 * answers and failures. Everything that happens goes to `record`.
 */
export interface SimulatedStore {
  readonly instances: StoredInstances;
  /** The instances of the page that was read last. */
  readonly lastPage: readonly number[];
  settled(mark: string | null): SettledAnswer;
  survey(call: number, query: SurveyQuery<number>): InstanceSurvey;
  split(query: SplitQuery<number>): number[];
  /** @param drawMost says how many instances of the page a lagging replica has, `null`: all. Asked once per page. */
  read(call: number, query: PageQuery<number>, drawMost: () => number | null): readonly PageEntry<number>[];
  commit(call: number, commit: RepositoryCommit<number>, how: CommitHow): CommitResult;
  load(call: number, runId: string, transaction?: HostTransaction): RunRecord[];
  find(filter: RunFilter, transaction?: HostTransaction): RunRecord[];
  /** @throws when somebody else has written one of its records since. */
  commitTransaction(call: number, transaction: HostTransaction): void;
  /** Crashes, and has lost its last commits. There may be fewer. */
  forget(commits: number): void;
}

interface CommitHow {
  readonly late?: boolean;
  readonly transaction?: HostTransaction | undefined;
}

/** A value with this in it cannot be stored. */
export const POISON = 'poison';

export function isPoisoned({ value }: Pick<MetadataWrite, 'value'>): boolean {
  return String(value).includes(POISON);
}

export function createSimulatedStore(options: StoreOptions): SimulatedStore {
  const { tokens, largestBatch, largestPage, poison, now, forgets } = options;
  const instances = createStoredInstances(record);
  const records = createStoredRecords();
  const begun = new Set<HostTransaction>();
  let lastPage: readonly number[] = [];
  let kept: readonly Kept[] = [];

  function record(event: HistoryEvent): void {
    const at = options.record(event);
    const isStored = event.type === 'commit' && event.status === 'committed';
    if (forgets && isStored) kept = [...kept, keepAfter(at)].slice(-MOST_FORGOTTEN - 1);
  }

  /** All that is stored right after this event. */
  function keepAfter(at: number): Kept {
    const parts = [instances.keep(), records.keep()];
    return {
      at,
      restore() {
        for (const restore of parts) restore();
      },
    };
  }

  function commit(
    call: number,
    { processModelId, expected, exhausted, instances: batch, next }: RepositoryCommit<number>,
    { late = false, transaction }: CommitHow,
  ): CommitResult {
    const values = batch.map((write) => ({ id: write.id, values: write.values.map(keyAndValue) }));
    const range =
      exhausted === undefined ? null : { after: place(exhausted.after), upTo: Number(exhausted.upTo) };
    const recordCommit = (status: CommitEvent['status'], changes: Partial<CommitEvent> = {}): void => {
      if (transaction !== undefined) return; // `commitTransaction` records it
      const event = { type: 'commit', call, now: now(), late, status, expected, exhausted: range } as const;
      record({ ...event, instances: values, ...UNCHANGED, ...changes });
    };
    if (transaction !== undefined) begun.add(transaction);
    const stored = batch.map(({ id, values: writes, version }) => {
      const found = instances.get(id);
      return { id, writes, version, instance: found?.processModelId === processModelId ? found : undefined };
    });

    if (expected.some(({ id, revision }) => records.revisionOf(id, transaction) !== revision)) {
      recordCommit('conflict');
      return { status: 'conflict' };
    }
    if (
      exhausted !== undefined &&
      instances.select(exhausted, range?.after ?? null, range?.upTo ?? null).length > 0
    ) {
      recordCommit('not-exhausted');
      return { status: 'not-exhausted' };
    }
    const moved = stored
      .filter(
        ({ instance, version }) =>
          instance !== undefined && version !== undefined && version !== String(instance.version),
      )
      .map(({ id }) => id);

    const keptValues: { readonly id: number; readonly key: string }[] = [];
    const allowed: { readonly instance: StoredInstance; readonly write: MetadataWrite }[] = [];
    for (const { id, instance, writes } of stored) {
      if (instance === undefined || moved.includes(id)) continue;
      for (const write of writes) {
        if (mayWrite(instance.rows.get(write.key), write)) allowed.push({ instance, write });
        else keptValues.push({ id, key: write.key });
      }
    }
    if (batch.length > (largestBatch ?? batch.length)) {
      recordCommit('too-slow');
      throw databaseError('57014', TOO_SLOW);
    }
    const refusal = allowed.some(({ write }) => isPoisoned(write)) ? poison() : null;
    if (refusal !== null) {
      recordCommit('refused');
      throw refusal;
    }
    const gone = stored.filter(({ instance }) => instance === undefined).map(({ id }) => id);
    let result: readonly RunRecord[];
    try {
      result = next({ gone, kept: keptValues, moved });
    } catch (error) {
      recordCommit('undone', { moved, kept: keptValues });
      throw error;
    }
    if (records.collide(result, transaction)) {
      recordCommit('conflict');
      return { status: 'conflict' };
    }
    const written = allowed.map(
      ({ instance, write: { key, value } }): WrittenRow => ({
        id: instance.id,
        key,
        row:
          value === undefined ? instances.deleteRow(instance, key) : instances.setRow(instance, key, value),
      }),
    );
    records.put(result, transaction);
    recordCommit('committed', { gone, kept: keptValues, moved, written, records: result });
    return { status: 'committed' };
  }

  function mayWrite(row: Row | undefined, { value, replaces }: MetadataWrite): boolean {
    if (replaces === undefined) return row === undefined || (row.value === null && value !== null);
    if (row === undefined) return false;
    return tokens ? row.token === replaces.token : row.value === replaces.value;
  }

  return {
    instances,
    get lastPage() {
      return lastPage;
    },
    settled(given) {
      const mark = given ?? [...instances.open].join(' ');
      return { mark, settled: mark === '' || mark.split(' ').every((id) => !instances.open.has(Number(id))) };
    },
    survey(call, query) {
      const after = place(query.after);
      const found = instances.select(query, after, null).slice(0, query.limit ?? undefined);
      const survey = { total: found.length, upTo: found.at(-1)?.cursor ?? null };
      record({ type: 'survey', call, after, limit: query.limit, ...survey });
      return survey;
    },
    split(query) {
      const found = instances.select(query, place(query.after), Number(query.upTo));
      const size = Math.max(1, Math.ceil(found.length / query.parts));
      const ends = found.filter((_, index) => (index + 1) % size === 0).map(({ cursor }) => cursor);
      return ends.filter((cursor) => cursor < Number(query.upTo)).slice(0, query.parts - 1);
    },
    read(call, query, drawMost) {
      if (query.limit > (largestPage ?? query.limit)) {
        record({ type: 'fault', call, port: 'readInstances', kind: 'too-slow' });
        throw databaseError('57014', TOO_SLOW);
      }
      const most = drawMost(); // only now: a page that fails shows no lag
      const [after, upTo] = [place(query.after), Number(query.upTo)];
      const all = instances.select(query, after, upTo);
      const { entries, seen } = pageOf(all.slice(0, most ?? undefined), query, options);
      lastPage = seen.map(({ id }) => id);
      const lagging = most !== null && most < all.length;
      record({ type: 'read', call, after, upTo, ids: query.instanceIds, lagging, page: seen });
      return entries;
    },
    commit,
    load(call, runId, transaction) {
      if (transaction !== undefined) begun.add(transaction);
      const found = records.ofRun(runId, transaction);
      record({ type: 'load', call, runId, found: found.length > 0 });
      return found;
    },
    find(filter, transaction) {
      if (transaction !== undefined) begun.add(transaction);
      return records.find(filter, transaction);
    },
    commitTransaction(call, transaction) {
      begun.delete(transaction);
      if (transaction.isLost) throw databaseError('08006', 'the server has crashed');
      if (!records.isCurrent(transaction)) throw databaseError('40001', 'could not serialize access');
      const staged = [...transaction.records.values()];
      records.put(staged);
      if (staged.length > 0) {
        const expected = [...transaction.expected].map(([id, revision]) => ({ id, revision }));
        const event = { type: 'commit', call, now: now(), late: false, exhausted: null } as const;
        record({ ...event, status: 'committed', expected, instances: [], ...UNCHANGED, records: staged });
      }
      for (const enqueue of transaction.jobs) enqueue();
    },
    forget(commits) {
      const last = kept.at(-1 - commits) ?? kept[0];
      if (last === undefined) return;
      kept = kept.slice(0, kept.indexOf(last) + 1);
      last.restore();
      for (const transaction of begun) transaction.isLost = true;
      begun.clear();
      options.record({ type: 'forget', since: last.at + 1 });
    },
  };
}

interface Kept {
  /** The index of the last event in it. */
  readonly at: number;
  restore(): void;
}

/** A store loses at most so many commits. */
export const MOST_FORGOTTEN = 8;

/** An error as a database driver throws it. */
export function databaseError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

const TOO_SLOW = 'canceling statement due to statement timeout';

const UNCHANGED = { moved: [], gone: [], kept: [], written: [], records: [] } as const;

function keyAndValue({ key, value }: MetadataWrite): Pick<MetadataWrite, 'key' | 'value'> {
  return value === undefined ? { key } : { key, value };
}

function place(cursor: unknown): number | null {
  return cursor === null ? null : Number(cursor);
}
