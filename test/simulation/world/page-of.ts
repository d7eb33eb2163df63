import type { JsonValue } from '../../../src/extraction/json-value.js';
import type {
  InstanceSnapshot,
  PageEntry,
  PageQuery,
  StoredValue,
  TaskData,
} from '../../../src/ports/repository.js';
import type { Rows, SeenInstance, StoreRules, TaskState } from '../history.js';
import { valueAt } from './extraction.js';
import type { StoredInstance } from './stored-instances.js';

export interface PageOptions extends StoreRules {
  /** The form in which the library gets task data. */
  readonly form: 'parsed' | 'json' | 'values';
  readonly passesOver: boolean;
}

/** A page as the library gets it, and as the history records it. */
export interface SimulatedPage {
  readonly entries: readonly PageEntry<number>[];
  readonly seen: readonly SeenInstance[];
}

/** How many instances a page may pass over beside those that it shows. */
const REACH = 4;

export function pageOf(
  instances: readonly StoredInstance[],
  { paths, limit }: Pick<PageQuery, 'paths' | 'limit'>,
  options: PageOptions,
): SimulatedPage {
  const entries: PageEntry<number>[] = [];
  const seen: SeenInstance[] = [];
  let filled = 0;
  let shown = 0;
  for (const instance of instances.slice(0, limit + REACH)) {
    const { cursor } = instance;
    const isPassedOver = options.passesOver && isFilled(instance, paths);
    if (isPassedOver) {
      if (filled > 0) entries.pop();
      filled += 1;
      entries.push({ cursor, filled });
    } else {
      if (shown === limit) break;
      filled = 0;
      shown += 1;
      entries.push(snapshotOf(instance, paths, options));
    }
    seen.push(seenInstance(instance, isPassedOver));
  }
  return { entries, seen };
}

function isFilled({ rows }: StoredInstance, paths: PageQuery['paths']): boolean {
  return paths.every(({ key, mode }) => mode === 'fill' && (rows.get(key)?.value ?? null) !== null);
}

function snapshotOf(
  { id, cursor, running, version, task, rows }: StoredInstance,
  paths: PageQuery['paths'],
  { versions, tokens, form }: PageOptions,
): InstanceSnapshot<number> {
  const stored = new Map<string, StoredValue>();
  for (const { key, mode } of paths) {
    const row = rows.get(key);
    if (row === undefined) continue;
    if (mode === 'fill') stored.set(key, { value: row.value === null ? null : SOME_VALUE });
    else stored.set(key, tokens ? row : { value: row.value });
  }
  const data = taskDataOf(task, form, paths);
  return { id, cursor, data, stored, running, ...(versions ? { version: String(version) } : {}) };
}

/** Under a key to fill, a page may show any value that is not null. */
const SOME_VALUE = 'some value';

function seenInstance(
  { id, cursor, running, task, rows }: StoredInstance,
  isPassedOver: boolean,
): SeenInstance {
  return { id, cursor, running, task, rows: Object.fromEntries(rows) as Rows, isPassedOver };
}

/** As long as a reason can get, so that some batches have more failures than one record holds. */
const LONG_REASON = '\u0001'.repeat(500);

function taskDataOf(task: TaskState, form: PageOptions['form'], paths: PageQuery['paths']): TaskData {
  if (task.state === 'none') return { form: 'none' };
  if (task.state === 'broken') {
    return form === 'json' ? { form, text: '{"a": ' } : { form: 'unreadable', reason: LONG_REASON };
  }
  if (form === 'parsed') return { form, value: task.value };
  if (form === 'json') return { form, text: JSON.stringify(task.value) };
  const values = new Map<string, JsonValue>();
  for (const { key, segments } of paths) {
    const value = valueAt(task.value, segments);
    if (value !== undefined) values.set(key, value);
  }
  return { form, values };
}
