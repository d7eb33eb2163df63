import type { InstanceSnapshot, TaskData } from '../../ports/repository.js';

const NODE_BYTES = 16;
/** The most nodes of a document to measure. The rest is extrapolated. */
const MOST_NODES = 2_000;
/** The same lists may occur many times in a document that was parsed from YAML, say. */
const MOST_WAITING = 200_000;

/** Roughly how many bytes a snapshot takes in memory, at one byte per character. Large documents are estimated. */
export function sizeInMemory({ bytes, data, stored }: InstanceSnapshot): number {
  let rows = 0;
  for (const { value } of stored.values())
    rows += typeof value === 'string' ? value.length : sizeOfValue(value);
  return rows + (bytes ?? sizeOfData(data));
}

function sizeOfData(data: TaskData): number {
  switch (data.form) {
    case 'json':
      return data.text.length;
    case 'parsed':
      return sizeOfValue(data.value);
    case 'values':
      return [...data.values.values()].reduce<number>((sum, value) => sum + sizeOfValue(value), 0);
    default:
      return 0;
  }
}

/** Breadth first, so that a large text near the top is always seen. */
function sizeOfValue(root: unknown): number {
  const waiting: unknown[] = [root];
  let [size, seen, passedOver] = [0, 0, 0];
  for (; seen < waiting.length && seen < MOST_NODES && waiting.length < MOST_WAITING; seen += 1) {
    const value = waiting[seen];
    size += NODE_BYTES + bytesOf(value);
    passedOver += addMembers(value, waiting);
  }
  return seen === 0 ? 0 : (size * (waiting.length + passedOver)) / seen;
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return ArrayBuffer.isView(value) ? value.byteLength : 0;
}

/** Adds the first members. Returns how many there are beyond them: they count like those that are looked at. */
function addMembers(value: unknown, waiting: unknown[]): number {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return 0;
  let members = 0;
  try {
    if (Array.isArray(value)) {
      for (; members < Math.min(value.length, MOST_NODES); members += 1) waiting.push(value[members]);
      return value.length - members;
    }
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (members < MOST_NODES) waiting.push(Reflect.get(value, key));
      members += 1;
    }
  } catch {
    // A getter that throws: planning makes it a failure.
  }
  return Math.max(0, members - MOST_NODES);
}
