import { setTimeout } from 'node:timers/promises';
import type {
  BackfillRepository,
  CommitResult,
  InstanceId,
  InstanceSelection,
  JsonValue,
  MetadataWrite,
  PageEntry,
  PageQuery,
  RepositoryCommit,
  RunRecord,
} from 'process-metadata-backfill';
import type { FixtureInstance, RepositoryFixture } from 'process-metadata-backfill/testing';
import { databaseError } from '../../support/intercept.js';
import type { Batch, InstanceWork, KeptValue, Reader, Row, Rules, StoredInstance } from './rules.js';

interface State {
  readonly instances: Map<InstanceId, StoredInstance>;
  readonly records: Map<string, RunRecord>;
}

/** What a commit saw when it was called. */
interface Early {
  readonly moved: readonly InstanceId[];
  readonly records: ReadonlyMap<string, RunRecord>;
}

interface SelectedRange extends InstanceSelection {
  readonly after: unknown;
  /** @default no bound */
  readonly upTo?: unknown;
}

/** A repository in memory that offers every feature and follows `rules`. */
export function ruleRepository(rules: Rules): RepositoryFixture<object> {
  let state: State = { instances: new Map(), records: new Map() };
  let counter = 0;
  /** The state to which a transaction of the host rolls back. */
  let stateBefore: State | null = null;
  /** Settles when the current transaction has ended. There is one at a time. */
  let lastTransaction: Promise<unknown> = Promise.resolve();
  const open = new Set<string>();
  let afterStatement: (() => Promise<void>) | null = null;
  /** What the current transaction of the host has locked, and what a commit that waits for it has. */
  const locks = { host: new Set<string>(), commit: new Set<string>() };

  /** Whether the database has ended the commit that waits, in place of the host's transaction. */
  let isVictim = false;

  /** Locks for the host what a commit may have locked. The commit waits for the host, so the host must not wait for it. */
  function lockForHost(names: readonly string[]): void {
    if (names.some((name) => locks.commit.has(name))) {
      if (!rules.losesDeadlocks) throw databaseError('40P01', 'deadlock detected');
      isVictim = true;
    }
    for (const name of names) locks.host.add(name);
  }

  function locksOf({ expected, instances }: RepositoryCommit): string[] {
    return [
      ...rules.lockedRecords(expected.map(({ id }) => id)).map((id) => `record ${id}`),
      ...rules.lockedInstances(instances.map(({ id }) => id)).map((id) => `instance ${id}`),
    ];
  }

  /** Locks for a commit all that comes before what the host has locked. */
  function lockUntilHost(commit: RepositoryCommit): void {
    const names = locksOf(commit);
    const end = names.findIndex((name) => locks.host.has(name));
    for (const name of names.slice(0, Math.max(end, 0))) locks.commit.add(name);
  }

  const copy = ({ instances, records }: State): State => ({
    instances: new Map(instances),
    records: new Map(records),
  });

  function change(id: InstanceId, changes: Partial<StoredInstance>): void {
    const instance = state.instances.get(id);
    if (instance !== undefined) state.instances.set(id, { ...instance, ...changes });
  }

  function setRow(id: InstanceId, key: string, value: JsonValue, isCommitted = false): void {
    counter += 1;
    const rows = new Map(state.instances.get(id)?.rows);
    const writes = (rows.get(key)?.writes ?? 0) + 1;
    change(id, { rows: rows.set(key, { value, version: counter, writes, isCommitted }) });
  }

  function removeRow(id: InstanceId, key: string): void {
    const rows = new Map(state.instances.get(id)?.rows);
    rows.delete(key);
    change(id, { rows });
  }

  function select(
    { processModelId, instanceIds, after, upTo = null }: SelectedRange,
    reader: Reader,
  ): StoredInstance[] {
    const inOrder = [...state.instances.values()].toSorted((a, b) => a.cursor - b.cursor);
    const readable = inOrder.filter(rules.isReadable);
    const isThere = readable.some(({ cursor }) => cursor === placeOf(after));
    const start = after === null ? null : rules.startOf(placeOf(after), isThere);
    return readable.filter(
      (instance) =>
        rules.isSelected(instance, processModelId, instanceIds, reader) &&
        (start === null || rules.isAfter(instance.cursor, start, reader)) &&
        (upTo === null || rules.isUpTo(instance.cursor, placeOf(upTo), reader)),
    );
  }

  function living(id: InstanceId, from: State = state): StoredInstance | undefined {
    const instance = from.instances.get(id);
    return instance !== undefined && rules.isLiving(instance) ? instance : undefined;
  }

  function movedAmong(instances: RepositoryCommit['instances'], from: State = state): InstanceId[] {
    const areOthersGiven = instances.some(({ version }) => version !== undefined);
    const moved = instances.filter(({ id, version }) => {
      const instance = living(id, from);
      if (instance === undefined) return false;
      return rules.hasMoved(rules.version(rules.newestTask(instance.tasks)), version, areOthersGiven);
    });
    return moved.map(({ id }) => id);
  }

  async function apply(commit: RepositoryCommit, early: Early | null): Promise<CommitResult> {
    const { expected, exhausted, instances, next } = commit;
    const recordsFor = (what: Rules['early']) =>
      early !== null && rules.early === what ? early.records : state.records;
    const isAsExpected = rules.comparedRecords(expected).every(({ id, revision }) => {
      const records = recordsFor(revision === null ? 'new records' : 'revisions');
      return rules.isExpected(records.get(id)?.revision ?? null, revision, instances);
    });
    if (!isAsExpected) return { status: 'conflict' };
    if (rules.isLeft(exhausted ? select(exhausted, 'commit') : [])) return { status: 'not-exhausted' };
    const moved = new Set(early !== null && rules.early === 'versions' ? early.moved : movedAmong(instances));
    const others = moved.size > 0 && rules.movesAsAWhole ? [] : instances.filter(({ id }) => !moved.has(id));

    if (rules.callsNextFirst) next({ gone: [], kept: [], moved: [] });
    const kept = await write(others.slice(0, rules.mostInstances), instances);
    const gone = instances.map(({ id }) => id).filter((id) => living(id) === undefined);
    const records = next({
      gone: rules.reportedGone(gone, instances),
      kept: rules.reportedKept(kept, instances),
      moved: rules.reportedMoved([...moved]),
    });
    const isTaken = records.some(({ id, activeKey }) => {
      const others = [...recordsFor('active keys').values()].filter((other) => other.id !== id);
      return activeKey !== null && rules.isKeyTaken(activeKey, others, !state.records.has(id));
    });
    if (isTaken) return { status: 'conflict' };
    for (const record of rules.storedRecords(records, (id) => state.records.has(id))) {
      state.records.set(record.id, { ...record, content: rules.storedContent(record.content) });
    }
    return { status: 'committed' };
  }

  /** Writes the values of instances of a batch. Returns those that it did not write. */
  async function write(instances: Batch, batch: Batch): Promise<readonly KeptValue[]> {
    const before = copy(state);
    if (rules.stale !== null) await setTimeout(TURN_MS);
    const kept: KeptValue[] = [];
    for (const { id, values } of instances) {
      for (const write of values.slice(0, rules.mostValues)) {
        if (living(id, rules.stale === 'instances' ? before : state) === undefined) continue;
        const rows = (rules.stale === 'rows' ? before : state).instances.get(id)?.rows ?? new Map();
        const keys = rules.storedKeys(write.key, rows, write, batch);
        const row = rows.get(keys[0] ?? '');
        if (!isAllowed(write, row, { rows, writes: values })) kept.push({ id, key: write.key, write, row });
        else if (write.value === undefined) deleteRows(id, rules.deletedKeys(write.key, rows), batch);
        else for (const key of keys) setRow(id, key, rules.storedValue(write.value, write, batch), true);
      }
    }
    return kept;
  }

  function deleteRows(id: InstanceId, keys: readonly string[], batch: Batch): void {
    for (const key of keys) {
      const row = state.instances.get(id)?.rows.get(key);
      if (rules.leftOfDeleted(row, batch) === 'null') setRow(id, key, null, true);
      else removeRow(id, key);
    }
  }

  function isAllowed(write: MetadataWrite, row: Row | undefined, all: InstanceWork): boolean {
    const { value, replaces, key } = write;
    if (value === undefined) return replaces !== undefined && rules.mayDelete(row, replaces, key, rules);
    if (row === undefined && rules.neverInserts(write)) return false;
    if (replaces === undefined || row === undefined) return rules.mayFill(row, value, all);
    if (value === null) return rules.mayNull(row, replaces, key, rules);
    return rules.mayReplace(row, replaces, key, rules);
  }

  /** Undoes a commit that was refused or has failed. */
  async function commit(
    what: RepositoryCommit,
    { early = null, isInside = false }: { early?: Early | null; isInside?: boolean } = {},
  ): Promise<CommitResult> {
    const before = copy(state);
    const restore = () => {
      state = before;
    };
    try {
      const result = await apply(what, early);
      if (result.status !== 'committed') rules.rollBack(restore, { hasFailed: false, isInside });
      return result;
    } catch (error) {
      rules.rollBack(restore, { hasFailed: true, isInside });
      throw error;
    }
  }

  /** The records that a read sees. */
  function recordsIn(transaction: unknown): RunRecord[] {
    const isOutside = transaction !== undefined && !rules.seesInside;
    return [...((isOutside ? stateBefore : null) ?? state).records.values()];
  }

  function alone<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = lastTransaction.then(work);
    lastTransaction = result.catch(() => {});
    return result;
  }

  async function readPage({ paths, ...query }: PageQuery): Promise<readonly PageEntry[]> {
    const page: PageEntry[] = [];
    const reader = paths.every(({ mode }) => mode === 'fill') ? 'page to fill' : 'page';
    const found = rules.pageOf(select(query, reader), query.limit, paths);
    if (afterStatement !== null) await afterStatement();
    for (const instance of found) {
      const { key, cursor, isBroken } = instance;
      const { rows } = (rules.readsRowsLast ? state.instances.get(key) : null) ?? instance;
      if (rules.isFilled(paths, rows)) {
        const last = page.at(-1);
        const before = last !== undefined && 'filled' in last ? last : null;
        page.splice(page.length - (before === null ? 0 : 1), 1, rules.passedOver(cursor, before));
        continue;
      }
      const task = rules.newestTask(instance.tasks);
      const isShown = task !== undefined && rules.needsData(paths, rows);
      const data = isShown ? rules.dataOf(task, paths) : { form: 'none' as const };
      const stored = rules.shownRows(rows, paths).map(([name, row]) => {
        const token = rules.token(row, name);
        const value = rules.shownValue(row, paths.find(({ key }) => key === name)?.mode);
        return [name, { value, ...(token !== undefined && { token }) }] as const;
      });
      const running = rules.isRunning(instance);
      const bytes = rules.bytesOf(data);
      page.push({
        id: key,
        cursor,
        data: isBroken ? rules.brokenData() : data,
        stored: new Map(stored),
        version: rules.version(task),
        ...(bytes !== undefined && { bytes }),
        ...(running !== undefined && { running }),
      });
    }
    return page.map((entry) => ({ ...entry, cursor: rules.shownCursor(placeOf(entry.cursor)) }));
  }

  function insert(instances: readonly FixtureInstance[], areTogether: boolean): InstanceId[] {
    const first = counter + 1;
    return instances.map((instance) => {
      counter += 1;
      const key = instance.id ?? counter;
      const cursor = rules.cursorOf(counter, areTogether ? first : counter);
      const rest = { key, cursor, isBroken: false, isDeleted: false, rows: new Map() };
      state.instances.set(key, { ...instance, ...rest });
      return key;
    });
  }

  const repository: BackfillRepository<object> = {
    transactional: true,
    deletes: true,
    maxKeyLength: rules.maxKeyLength,
    formatValue: (value) => rules.formatValue(value),
    compareCursors: (a, b) => rules.compareCursors(placeOf(a), placeOf(b)),
    settled: async (mark) => rules.settled(open, mark),
    async surveyInstances(query) {
      const { total, upTo } = rules.surveyOf(select(query, 'survey'), query.limit, query.instanceIds);
      return { total, upTo: upTo === null ? null : rules.shownCursor(upTo) };
    },
    splitInstances: async ({ parts, ...query }) =>
      rules.splitAt(select(query, 'split'), parts).map(rules.shownCursor),
    async readInstances(query) {
      if (query.signal.aborted) return rules.onAbort(query.signal.reason);
      return rules.answerPage(query, readPage);
    },
    async commit(what, { transaction } = {}) {
      if (rules.isPartOf(transaction)) {
        lockForHost(locksOf(what));
        const before = copy(state);
        const result = await commit(what, { isInside: true });
        rules.afterInside(() => {
          state = before;
        });
        return result;
      }
      const early =
        rules.early === null
          ? null
          : { moved: movedAmong(what.instances, stateBefore ?? state), records: new Map(state.records) };
      if (transaction === undefined) {
        lockUntilHost(what);
        const rowsBefore = stateBefore?.instances ?? null;
        return alone(async () => {
          if (isVictim) {
            isVictim = false;
            throw databaseError('40P01', 'deadlock detected');
          }
          const hasNewRow =
            rowsBefore !== null &&
            what.instances.some(({ id, values }) =>
              values.some(
                ({ key }) => state.instances.get(id)?.rows.has(key) && !rowsBefore.get(id)?.rows.has(key),
              ),
            );
          if (hasNewRow && rules.conflictsOnNewRows) return { status: 'conflict' };
          return commit(what, { early });
        });
      }
      const result = await commit(what);
      if (stateBefore !== null) stateBefore = copy(state);
      return result;
    },
    loadRun: async (runId, { transaction } = {}) => rules.loaded(recordsIn(transaction), runId),
    async findRuns(filter, { transaction } = {}) {
      const found = recordsIn(transaction).filter((record) => rules.isFound(record, filter));
      return rules.foundPage(found.toSorted(rules.sortRuns), filter.limit);
    },
  };

  return {
    repository,
    takesIds: true,
    insertInstances: async (instances) => insert(instances, false),
    insertTogether: async (instances) => insert(instances, true),
    async deleteInstance(id) {
      change(id, { isDeleted: true, ...(!rules.softDeletes && { rows: new Map() }) });
    },
    async addTask(id, task, { transaction } = {}) {
      if (transaction !== undefined) lockForHost([`instance ${id}`]);
      change(id, { tasks: [...(state.instances.get(id)?.tasks ?? []), task] });
    },
    setMetadata: async (id, key, value) => setRow(id, key, value),
    afterStatements(work) {
      afterStatement = work;
    },
    async clear({ instanceIds, runIds }) {
      for (const id of instanceIds) state.instances.delete(id);
      for (const { id, runId } of [...state.records.values()])
        if (runIds.includes(runId)) state.records.delete(id);
    },
    softDeletes: rules.softDeletes,
    patienceMs: PATIENCE_MS,
    deleteMetadata: async (id, key) => removeRow(id, key),
    async metadata(id) {
      const rows = [...(state.instances.get(id)?.rows ?? [])];
      return Object.fromEntries(rows.map(([key, { value }]) => [key, value]));
    },
    transaction: (work) =>
      alone(async () => {
        stateBefore = copy(state);
        counter += 1;
        const number = String(counter);
        open.add(number);
        try {
          return await work({});
        } catch (error) {
          state = stateBefore;
          throw error;
        } finally {
          open.delete(number);
          for (const names of Object.values(locks)) names.clear();
          stateBefore = null;
        }
      }),
    breakTaskData: async (id) => change(id, { isBroken: true }),
  };
}

/** The number in a cursor as `shownCursor` shows it: a number, a text, or the last member of a list. */
function placeOf(cursor: unknown): number {
  return Number([cursor].flat().at(-1));
}

/** Everything in memory answers at once. So long a case waits only for what never comes. */
const PATIENCE_MS = 300;

/** How long a commit with stale answers waits for others. */
const TURN_MS = 3;
