import type { InstanceSnapshot, TaskData } from '../../ports/repository.js';

const NODE_BYTES = 16;
/** The most nodes of a document to measure. The rest is extrapolated. */
const MOST_NODES = 2_000;

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
  let [size, seen] = [0, 0];
  for (; seen < waiting.length && seen < MOST_NODES; seen += 1) {
    const value = waiting[seen];
    size += NODE_BYTES + (typeof value === 'string' ? value.length : 0);
    if (typeof value === 'object' && value !== null) addMembers(value, waiting);
  }
  return seen === 0 ? 0 : (size * waiting.length) / seen;
}

function addMembers(value: object, waiting: unknown[]): void {
  try {
    if (Array.isArray(value)) {
      // Of a long list, some elements stand for all: they are as many entries of the queue as the list has elements.
      for (const element of value) waiting.push(element);
      return;
    }
    for (const key in value) if (Object.hasOwn(value, key)) waiting.push(Reflect.get(value, key));
  } catch {
    // A getter that throws: planning makes it a failure.
  }
}
