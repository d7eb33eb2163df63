import { expect, test } from 'vitest';
import type { PageEntry } from '../../src/index.js';
import { countInstances, cutPage, firstInstances } from '../../src/run/calls/page-entries.js';

const shown = (id: number): PageEntry => ({ id, cursor: id, data: { form: 'none' }, stored: new Map() });
const passed = (cursor: number, filled: number): PageEntry => ({ cursor, filled });
const page = [passed(3, 3), shown(4), passed(6, 2), shown(7), passed(9, 2), shown(10)];

test.each([
  [1, [3, 4, 6]],
  [2, [3, 4, 6, 7, 9]],
  [3, [3, 4, 6, 7, 9, 10]],
])('a page that is cut to %i snapshots keeps the filled instances before the next', (limit, cursors) => {
  expect(cutPage(page, limit).map(({ cursor }) => cursor)).toEqual(cursors);
});

test('a page is about the instances that it shows and those that it passes over', () => {
  expect(countInstances(page)).toBe(10);
});

test.each<[room: number, entries: readonly string[]]>([
  [1, ['1']],
  [2, ['1', '4 (1)']],
  [4, ['1', '4 (3)']],
  [5, ['1', '4 (3)', '5']],
  [9, ['1', '4 (3)', '5']],
])('the first %i instances of a page are these, filled ones included', (room, entries) => {
  const first = firstInstances([shown(1), passed(4, 3), shown(5)], room);

  expect(
    first.map((entry) => ('filled' in entry ? `${entry.cursor} (${entry.filled})` : String(entry.cursor))),
  ).toEqual(entries);
});
