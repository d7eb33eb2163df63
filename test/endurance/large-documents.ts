import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import {
  type BackfillRepository,
  formatMetadataValue,
  type PageEntry,
  runBackfill,
} from '../../src/index.js';
import { createMemoryRepository } from '../../src/memory/index.js';

// Large documents, made anew at each read as a database driver does. Prints what a test, or a person, wants to know.
// node --max-old-space-size=256 --import tsx test/endurance/large-documents.ts --count 120 --megabytes 6
const { values } = parseArgs({
  options: {
    count: { type: 'string' },
    megabytes: { type: 'string' },
    /** `default`, `adaptive` or a number */
    batch: { type: 'string', default: 'default' },
    /** `json` or `parsed` */
    form: { type: 'string', default: 'json' },
    /** The whole document is one value, cut to 255 characters. */
    'one-value': { type: 'boolean', default: false },
  },
});
const [count, bytes] = [Number(values.count), Number(values.megabytes) * 1e6];
const processModelId = 'test_group/invoice_process';

function document(id: number): string {
  const invoice = JSON.stringify({ number: `INV-${id}` });
  if (values['one-value']) return `{"invoice": {"number": "${'x'.repeat(bytes)}"}}`;
  const line = JSON.stringify({ article: 'pump', text: 'y'.repeat(200), amounts: [1, 2.5, 30] });
  const lines = Array.from({ length: Math.ceil(bytes / line.length) }, () => line).join(',');
  return `{"lines": [${lines}], "invoice": ${invoice}}`;
}

const memory = createMemoryRepository({
  instances: Array.from({ length: count }, (_, index) => ({ id: index + 1, processModelId, tasks: [] })),
});
const repository: BackfillRepository = {
  ...memory,
  formatValue: (value) => formatMetadataValue(value, { maxLength: 255 }),
  async readInstances(query) {
    const page = await memory.readInstances(query);
    const entries: PageEntry[] = [];
    for (const entry of page) {
      await setImmediate(); // the time that this document takes is not the library's
      const text = document(Number(entry.cursor));
      const data =
        values.form === 'parsed' ? { form: values.form, value: JSON.parse(text) } : { form: 'json', text };
      entries.push({ ...entry, data } as PageEntry);
    }
    return entries;
  },
};

const parseStart = performance.now();
JSON.parse(document(1));
const parseMs = performance.now() - parseStart;
const loop = monitorEventLoopDelay({ resolution: 1 });
loop.enable();
const report = await runBackfill({
  repository,
  processModelId,
  paths: [{ key: 'invoice_number', path: 'invoice.number' }],
  ...(values.batch === 'default'
    ? {}
    : { batchSize: values.batch === 'adaptive' ? {} : Number(values.batch) }),
  logger: { info() {}, warn() {}, error() {} },
});
console.log(
  JSON.stringify({
    state: report.state,
    updated: report.updated,
    parseMs: Math.round(parseMs),
    longestBlockMs: Math.round(loop.max / 1e6),
    heapMb: Math.round(process.memoryUsage().heapUsed / 1e6),
    peakMb: Math.round(process.resourceUsage().maxRSS / 1e3),
  }),
);
