import { formatMetadataValue, type JsonValue, runBackfill } from 'process-metadata-backfill';
import { createMemoryRepository } from 'process-metadata-backfill/memory';

/**
 * Cuts values of 80 MB to 255 characters, in a process whose heap is too small for careless copies of them. Prints, for
 * each, what it came to and how many milliseconds of a processor it took.
 */

const SIZE = 80_000_000;

/** As a parser or a driver makes it: one piece of memory, not a rope of equal parts. */
function largeText(unit: string): string {
  return Buffer.alloc(SIZE, unit).toString();
}

const values: Readonly<Record<string, () => JsonValue>> = {
  text: () => largeText('x'),
  'text of surrogate pairs': () => largeText('🧾'),
  'repeated text': () => 'x'.repeat(SIZE),
  'nested text': () => ({ order: [{ note: largeText('x') }] }),
  'text with escapes': () => [largeText('"\n')],
  'key of an object': () => ({ [largeText('k')]: 1 }),
  list: () => new Array(10_000_000).fill(7),
  'list of lists': () => new Array(1000).fill(new Array(40_000).fill('x')),
  object: () => Object.fromEntries(Array.from({ length: 100_000 }, (_, index) => [`key ${index}`, index])),
};

for (const [name, create] of Object.entries(values)) {
  for (const style of ['json', 'python'] as const) {
    const value = create();
    const start = process.cpuUsage();
    const { text, truncated } = formatMetadataValue(value, { maxLength: 255, style });
    const { user, system } = process.cpuUsage(start);
    const ms = Math.round((user + system) / 1000);
    console.log(
      JSON.stringify({ name, style, length: [...text].length, truncated, start: text.slice(0, 24), ms }),
    );
  }
}

const tasks = [{ state: 'COMPLETED', json: JSON.stringify({ note: largeText('x'), id: 7 }) }];
const repository = createMemoryRepository({ instances: [{ id: 1, processModelId: 'm', tasks }] });
const { state } = await runBackfill({
  repository: { ...repository, formatValue: (value) => formatMetadataValue(value, { maxLength: 255 }) },
  processModelId: 'm',
  paths: [
    { key: 'note', path: 'note' },
    { key: 'id', path: 'id' },
  ],
});
console.log(JSON.stringify({ name: 'run', state, length: String(repository.metadata(1)?.note).length }));
