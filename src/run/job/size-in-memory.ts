import type { TaskData } from '../../ports/repository.js';

/** Of each list, and of the members of each object, this many are measured. The others count like them. */
const SAMPLE = 16;
const NODE_BYTES = 16;

/** Roughly how many bytes task data takes in memory, at one byte per character. Looks at a sample of a large document. */
export function sizeInMemory(data: TaskData, most: number): number {
  switch (data.form) {
    case 'json':
      return data.text.length;
    case 'parsed':
      return sizeOfValue(data.value, most, 0);
    case 'values':
      return [...data.values.values()].reduce<number>((sum, value) => sum + sizeOfValue(value, most, 0), 0);
    default:
      return 0;
  }
}

/** Deeper members are no part of JSON, see `toJsonValue`: planning makes them a failure. */
const MOST_LEVELS = 64;

function sizeOfValue(value: unknown, most: number, level: number): number {
  if (typeof value === 'string') return NODE_BYTES + value.length;
  if (typeof value !== 'object' || value === null || level > MOST_LEVELS) return NODE_BYTES;
  const keys = Object.keys(value);
  const step = Math.max(1, Math.floor(keys.length / SAMPLE));
  let [size, measured] = [0, 0];
  for (let index = 0; index < keys.length && size < most; index += step) {
    const key = keys[index] ?? '';
    size += key.length + sizeOfValue(member(value, key), most, level + 1);
    measured += 1;
  }
  return NODE_BYTES + (measured === 0 ? 0 : (size * keys.length) / measured);
}

function member(value: object, key: string): unknown {
  try {
    return Reflect.get(value, key);
  } catch {
    return undefined; // a getter that throws: planning makes it a failure
  }
}
