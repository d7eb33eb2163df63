import type { ExtractionPath } from 'process-metadata-backfill';

/** What the candidates are compared on. */
export interface Scenario {
  readonly instances: number;
  /** The size of an instance's newest task data, about. */
  readonly kilobytes: number;
  readonly type: 'json' | 'jsonb';
  readonly keys: number;
  /** Metadata are rows of a table, or members of a jsonb column of the instance, whose task data are jsonb, too. @default 'rows' */
  readonly metadata?: 'rows' | 'members';
}

export const MODEL = 'bench_group/invoice_process';

/** Other values in a document. */
export const DETAILS = 15;

const PATHS: readonly ExtractionPath[] = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'amount', path: 'invoice.amount' },
  { key: 'first_article', path: 'lines[0].article' },
  { key: 'customer_id', path: 'customer.id' },
  ...Array.from({ length: DETAILS }, (_, n) => ({ key: `detail_${n}`, path: `details.d${n}` })),
];

/** Of strings and whole numbers only, which `#>>` writes as the library does. */
export function pathsOf({ keys }: Pick<Scenario, 'keys'>): readonly ExtractionPath[] {
  return PATHS.slice(0, keys);
}

export function titleOf({ instances, kilobytes, type, keys, metadata }: Scenario): string {
  const title = `${instances.toLocaleString('en')} instances, ${kilobytes} KB ${type}, ${keys} key${keys === 1 ? '' : 's'}`;
  return metadata === 'members' ? `${title} in a jsonb column` : title;
}
