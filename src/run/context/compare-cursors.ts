import type { Cursor } from '../../ports/repository.js';

/** The default order of cursors: numbers by value, strings by UTF-16 code unit, lists member by member. */
export function compareCursors(a: Cursor, b: Cursor): number {
  if (typeof a === 'object' && typeof b === 'object') return compareLists(a, b);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function compareLists(a: readonly (string | number)[], b: readonly (string | number)[]): number {
  for (const [index, member] of a.entries()) {
    const other = b[index];
    if (other === undefined) return 1;
    const order = compareCursors(member, other);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}
