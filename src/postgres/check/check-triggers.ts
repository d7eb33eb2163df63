import { quoteIdentifier, quoteName } from '../sql/quote-name.js';
import { type Finding, warning } from './finding.js';
import type { TableFacts } from './table-facts.js';

/** Warns of what may drop or change rows of metadata. */
export function checkRowTriggers(place: string, facts: TableFacts): Finding[] {
  return [
    ...facts.rowTriggers.map(({ name }) => warningOf(place, facts, 'trigger', name)),
    ...facts.rules.map((name) => warningOf(place, facts, 'rule', name)),
  ];
}

/** The same for metadata in columns of the instance. */
export function checkUpdateTriggers(place: string, facts: TableFacts, written: readonly string[]): Finding[] {
  return facts.rowTriggers
    .filter(({ isForUpdate }) => isForUpdate)
    .filter(({ columns }) => columns.length === 0 || columns.some((name) => written.includes(name)))
    .map(({ name }) => warningOf(place, facts, 'trigger', name));
}

function warningOf(place: string, facts: TableFacts, kind: 'trigger' | 'rule', name: string): Finding {
  return warning(
    place,
    `${kind} ${quoteIdentifier(name)} of ${quoteName(facts.name)} may drop or change rows, but the run counts them as written`,
    `Ignore this warning if the ${kind} neither drops rows nor changes values. Otherwise verify after each run`,
  );
}
