import type { InstanceSnapshot, TaskData } from '../../ports/repository.js';

const NODE_BYTES = 16;
/** A document with no more members than this is measured in full. */
const MOST_NODES = 20_000;
/** How many objects and lists of a larger document to look into. */
const MOST_CONTAINERS = 400;
/** And how many members of each. */
const MOST_MEMBERS = 2_000;

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

function sizeOfValue(value: unknown): number {
  return isContainer(value)
    ? (wholeSize(value, { nodes: 0 }) ?? estimate(value))
    : NODE_BYTES + bytesOf(value);
}

/** The size of a small document. `null` if it is larger. */
function wholeSize(value: object, visited: { nodes: number }): number | null {
  let size = NODE_BYTES;
  try {
    const names = Array.isArray(value) ? null : Object.keys(value);
    for (let index = 0; index < (names ?? (value as unknown[])).length; index += 1) {
      visited.nodes += 1;
      if (visited.nodes > MOST_NODES) return null;
      const name = names?.[index] ?? '';
      const member: unknown = Reflect.get(value, names === null ? index : name);
      const memberSize = isContainer(member) ? wholeSize(member, visited) : NODE_BYTES + bytesOf(member);
      if (memberSize === null) return null;
      size += name.length + memberSize;
    }
  } catch {
    // A getter that throws: planning makes it a failure.
  }
  return size;
}

/**
 * Looks into some of the objects and lists of each level, and counts the others like those. So it does with members beyond
 * {@link MOST_MEMBERS}.
 */
function estimate(value: unknown, most: number = MOST_CONTAINERS, seen: Set<object> = new Set()): number {
  if (!isContainer(value)) return NODE_BYTES + bytesOf(value);
  if (seen.has(value) || seen.size >= MOST_CONTAINERS) return NODE_BYTES;
  seen.add(value);
  const { members, count, names } = membersOf(value, shiftOf(seen));
  const nested = members.filter(isContainer);
  // At least one, however deep it is.
  const looked = Math.min(nested.length, Math.ceil(Math.sqrt(most)));
  let [flat, deep] = [0, 0];
  for (const member of members) if (!isContainer(member)) flat += NODE_BYTES + bytesOf(member);
  for (let index = 0; index < looked; index += 1) {
    const place = Math.floor(((index + shiftOf(seen)) * nested.length) / looked);
    deep += estimate(nested[place], Math.max(1, (most - looked) / looked), seen);
  }
  const size = flat + (looked === 0 ? 0 : (deep * nested.length) / looked);
  return NODE_BYTES + names + (members.length === 0 ? 0 : (size * count) / members.length);
}

/** An offset from 0 to 1, new each time. Even steps would miss every second member. */
function shiftOf({ size }: ReadonlySet<object>): number {
  return (size * GOLDEN) % 1;
}

const GOLDEN = 0.618;

function isContainer(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !ArrayBuffer.isView(value);
}

function bytesOf(value: unknown): number {
  if (typeof value === 'string') return value.length;
  return ArrayBuffer.isView(value) ? value.byteLength : 0;
}

/** Some members, how many there are, and how long all their names are. */
function membersOf(
  value: object,
  shift: number,
): { readonly members: readonly unknown[]; readonly count: number; readonly names: number } {
  const members: unknown[] = [];
  let [count, names] = [0, 0];
  try {
    if (Array.isArray(value)) {
      const looked = Math.min(value.length, MOST_MEMBERS);
      for (; count < looked; count += 1)
        members.push(value[Math.floor(((count + ((shift + count * GOLDEN) % 1)) * value.length) / looked)]);
      return { members, count: value.length, names };
    }
    for (const key in value) {
      if (!Object.hasOwn(value, key)) continue;
      if (count < MOST_MEMBERS) members.push(Reflect.get(value, key));
      count += 1;
      names += key.length;
    }
  } catch {
    // A getter that throws: planning makes it a failure.
  }
  return { members, count, names };
}
