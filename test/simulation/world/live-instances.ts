import type { JsonValue } from '../../../src/extraction/json-value.js';
import type { TaskState } from '../history.js';
import type { LiveKind } from './draw-world.js';
import { valueAt } from './extraction.js';
import { repeat } from './process-slot.js';
import { LIVE_PATHS, MODEL, OTHER_MODEL } from './request-plans.js';
import type { Scene } from './scene.js';
import { POISON } from './simulated-store.js';
import type { OpenTransaction, StoredInstance } from './stored-instances.js';

const KINDS: readonly LiveKind[] = [
  'save',
  'save-old',
  'edit',
  'clear',
  'remove',
  'delete',
  'insert',
  'insert-slowly',
  'finish',
];

interface InsertOptions {
  readonly transaction?: OpenTransaction;
  readonly cursor?: number;
  readonly savesValues?: boolean;
  readonly running?: boolean;
}

/** A limit, as otherwise a run would never end. */
const MOST_INSERTED = 12;

/** What the engine does to instances right when something else happens. */
export interface LiveInstances {
  /** Saves some of the instances that a commit is about to write. */
  beforeCommit(instances: readonly { readonly id: number }[]): void;
}

/** Inserts the instances of a world. Until the calm, the engine and its users change them while the backfill runs. */
export function startLiveInstances(scene: Scene): LiveInstances {
  const { world, choices, schedule, outside, store } = scene;
  const { instances } = store;
  const { everyMs, weights } = world.live;
  const { storesNull } = world.store;
  const clears = world.requests.some(({ kind }) => kind === 'clearing');
  let values = 0;
  let inserted = 0;
  const restless = new Set<number>();

  function newValue(): string {
    values += 1;
    return `v${values}`;
  }

  /** New task data. In some tasks, values are missing, null, unreadable or cannot be stored. */
  function newTask(): TaskState {
    if (choices.chance(world.broken)) return { state: 'broken' };
    const kind = choices.pick(8);
    if (kind === 6) return { state: 'none' };
    const whole = { a: newValue(), n: { a: newValue(), b: newValue() }, c: newValue(), ...newDetail() };
    if (choices.chance(world.poisoned))
      return { state: 'data', value: { ...whole, a: `${POISON} ${whole.a}` } };
    if (kind === 5) return { state: 'data', value: { ...whole, a: null } };
    if (kind === 7) return { state: 'data', value: { c: whole.c, n: { a: whole.n.a } } };
    return { state: 'data', value: whole };
  }

  /** What a `clearing` request looks for. Most tasks do not have it, or it is null. */
  function newDetail(): { readonly d?: JsonValue } {
    const kind = choices.pick(4);
    return kind < 2 ? { d: { a: kind === 0 ? newValue() : null } } : {};
  }

  function insert(processModelId: string, { savesValues = false, ...options }: InsertOptions = {}): void {
    const task = newTask();
    const had = choices.chance(clears ? 700 : 150)
      ? { a: storesNull ? choices.oneOf(['old', null]) : 'old' }
      : {};
    const values = savesValues ? savedValues(task) : had;
    const running = options.running ?? choices.chance(world.running);
    instances.insert({ processModelId, task, values, ...options, running });
  }

  /** Prefers an instance that a worker has just read, because there are more races. */
  function pickInstance(): StoredInstance | undefined {
    const all = instances.all();
    const read = store.lastPage.map((id) => instances.get(id)).filter((instance) => instance !== undefined);
    const from = read.length > 0 && choices.chance(600) ? read : all;
    return from[choices.pick(from.length)];
  }

  function completeTask({ id, running }: StoredInstance, saves: boolean): void {
    if (!running) return;
    const task = newTask();
    instances.completeTask(id, task, saves ? savedValues(task) : {});
  }

  /** Inserts an instance in a transaction that takes long. It takes its cursor at the beginning or at the end. */
  function insertSlowly(): void {
    const transaction = instances.begin();
    const { cursor } = transaction;
    schedule.add({
      owner: outside,
      dueAt: schedule.now + 1 + choices.pick(world.longestInsertMs),
      happen() {
        if (!instances.open.has(transaction.id)) return; // the store has crashed since
        if (choices.chance(100)) instances.rollBack(transaction);
        else insert(MODEL, { transaction, ...(choices.chance(300) ? {} : { cursor }) });
      },
    });
  }

  const someKey = (): string => choices.oneOf(['a', 'b']);
  const acts: Record<LiveKind, (instance: StoredInstance) => void> = {
    save: (instance) => completeTask(instance, true),
    'save-old': (instance) => completeTask(instance, false),
    edit: ({ id }) => instances.edit(id, someKey(), `edited ${newValue()}`),
    clear({ id }) {
      if (storesNull) instances.edit(id, someKey(), null);
    },
    remove({ id, rows }) {
      const key = someKey();
      if (rows.has(key)) instances.edit(id, key, undefined);
    },
    delete: ({ id }) => instances.delete(id),
    finish({ id, running }) {
      if (running) instances.finish(id);
    },
    insert: () => insert(MODEL, { savesValues: choices.chance(500) }),
    'insert-slowly': insertSlowly,
  };

  function act(): void {
    const kind = KINDS[choices.weighted(KINDS.map((name) => weights[name]))] ?? 'save';
    if (kind === 'insert' || kind === 'insert-slowly') inserted += 1;
    const instance = pickInstance();
    if (instance !== undefined && inserted <= MOST_INSERTED) acts[kind](instance);
  }

  for (let index = 0; index < world.instances; index += 1) {
    insert(MODEL, index < world.restless ? { running: true } : {});
    if (index < world.restless) restless.add(instances.all().at(-1)?.id ?? 0);
    if (index % 7 === 3) insert(OTHER_MODEL);
    // Some instances between these become visible only later.
    if (everyMs > 0 && choices.chance(60 * weights['insert-slowly'])) insertSlowly();
  }
  const isQuiet = everyMs === 0 || KINDS.every((name) => weights[name] === 0);
  if (!isQuiet)
    repeat(
      scene,
      () => 1 + choices.pick(everyMs),
      () => {
        if (!scene.isCalm) act();
      },
    );
  return {
    beforeCommit(committed) {
      if (scene.isCalm) return;
      for (const { id } of committed) {
        const instance = instances.get(id);
        if (instance?.running !== true || !choices.chance(restless.has(id) ? RESTLESS : world.busy)) continue;
        completeTask(instance, choices.chance(500));
      }
    },
  };
}

/** In 1,000 commits. */
const RESTLESS = 950;

/** The values that an engine with the new paths saves with a task. */
function savedValues(task: TaskState): Record<string, JsonValue> {
  const values: Record<string, JsonValue> = {};
  if (task.state !== 'data') return values;
  for (const { key, path } of LIVE_PATHS) {
    const value = valueAt(task.value, path.split('.')) ?? null;
    if (value !== null) values[key] = value;
  }
  return values;
}
