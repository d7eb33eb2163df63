import { type PathStep, stepOf } from './path-cost.js';

/** A value in a document, and the keys and indices that lead to it. */
export interface DocumentNode {
  readonly steps: readonly PathStep[];
  readonly value: unknown;
}

/** The most values of a document to look at. Those near to the top come first. */
const MOST_NODES = 5_000;
const MOST_LEVELS = 32;
/** The elements of a list are much alike. */
const MOST_ELEMENTS = 5;

/** At most `most` values in a document, level by level, without the document itself. What cannot be read is left out. */
export function* walkDocument(document: unknown, most: number): Generator<DocumentNode> {
  const mostNodes = Math.floor(Math.min(MOST_NODES, most));
  const queue: DocumentNode[] = [{ steps: [], value: document }];
  for (let next = 0; next < queue.length; next += 1) {
    const node = queue[next] as DocumentNode;
    if (next > 0) yield node;
    const { steps, value } = node;
    if (typeof value !== 'object' || value === null || steps.length === MOST_LEVELS) continue;
    for (const [name, member] of membersOf(value, mostNodes - queue.length))
      queue.push({ steps: [...steps, stepOf(name)], value: member });
  }
}

function membersOf(value: object, most: number): [name: string, member: unknown][] {
  const members: [string, unknown][] = [];
  try {
    const names = Array.isArray(value) ? ELEMENTS.slice(0, value.length) : Object.keys(value);
    for (const name of names.slice(0, Math.max(0, most))) members.push([name, Reflect.get(value, name)]);
  } catch {
    // A getter or a proxy that throws.
  }
  return members;
}

const ELEMENTS: readonly string[] = Array.from({ length: MOST_ELEMENTS }, (_, index) => String(index));
