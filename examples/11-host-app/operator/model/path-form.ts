import type { ExtractionPath, ExtractionPathDiff } from 'process-metadata-backfill';
import { pathText } from '../format.js';
import { reasonOf } from '../guard.js';
import { Refusal } from '../refusal.js';

/** One row of the editor, as it was typed. */
export interface PathRow {
  readonly key: string;
  readonly path: string;
}

/** What the form of the editor says. `null`: not answered. */
export interface PathForm {
  readonly revision: number;
  readonly rows: readonly PathRow[];
  /** Whether the values of removed keys stay. */
  readonly removed: 'keep' | 'purge' | null;
  /** Whether keys that read another path are filled again. */
  readonly changed: 'keep' | 'recompute' | null;
  readonly reason: string;
}

/** A preview looks for each of them in a sample of the instances. */
const MOST_ROWS = 100;

/** @throws {Refusal} when there are more rows than a person types. */
export function readPathForm(form: FormData): PathForm {
  const texts = (name: string) => form.getAll(name).map(String);
  const paths = texts('path');
  if (form.getAll('key').length > MOST_ROWS)
    throw new Refusal(422, `This form has more than ${MOST_ROWS} rows, so it was not read. Remove some.`);
  const removed = form.get('removed');
  const changed = form.get('changed');
  return {
    revision: Number(form.get('revision')),
    rows: texts('key').map((key, index) => ({ key: key.trim(), path: paths[index] ?? '' })),
    removed: removed === 'keep' || removed === 'purge' ? removed : null,
    changed: changed === 'keep' || changed === 'recompute' ? changed : null,
    reason: reasonOf(form) ?? '',
  };
}

/** Rows that have anything in them. What the model has already keeps its way of writing. */
export function pathsOf(rows: readonly PathRow[], stored: readonly ExtractionPath[]): ExtractionPath[] {
  return rows
    .filter((row) => !isBlank(row))
    .map(
      (row) => stored.find(({ key, path }) => key === row.key && pathText(path) === row.path) ?? { ...row },
    );
}

export function isBlank({ key, path }: PathRow): boolean {
  return key.trim() === '' && path.trim() === '';
}

export function rowsOf(paths: readonly ExtractionPath[]): PathRow[] {
  return paths.map(({ key, path }) => ({ key, path: pathText(path) }));
}

/** Does what a button of the editor says: `add`, `remove:2`, or `use:2:invoice.number`. */
export function edited(rows: readonly PathRow[], button: string): PathRow[] {
  const [action, place, ...rest] = button.split(':');
  const index = Number(place);
  if (action === 'add') return [...rows, { key: '', path: '' }];
  if (action === 'remove') return rows.filter((_, at) => at !== index);
  if (action === 'use') return rows.map((row, at) => (at === index ? { ...row, path: rest.join(':') } : row));
  return [...rows];
}

/** The id of the field that gets the focus after a button of the editor. */
export function focusAfter(button: string, rows: readonly PathRow[]): string {
  const [action, place] = button.split(':');
  if (action === 'use') return `path-${place}`;
  return `key-${action === 'remove' ? Math.min(Number(place), rows.length - 1) : rows.length - 1}`;
}

/** The questions that a save must answer. */
export function openQuestions(diff: ExtractionPathDiff, form: PathForm): string[] {
  return [
    ...(diff.removed.length > 0 && form.removed === null
      ? ['Choose what happens to the values of the removed keys.']
      : []),
    ...(diff.changed.length > 0 && form.changed === null
      ? ['Choose what happens to the values of the changed keys.']
      : []),
  ];
}
