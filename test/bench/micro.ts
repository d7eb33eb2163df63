import get from 'lodash.get';
import {
  type BackfillRepository,
  compileExtractor,
  type InstanceSnapshot,
  type RunRecord,
  runBackfill,
} from 'process-metadata-backfill';
import { median } from './median.js';

/** Medians of rounds in which the contestants take turns. */
export interface Micro {
  /** Microseconds of the library for one instance: 5 keys, 1 KB parsed, a repository that does nothing. */
  readonly ownTime: { readonly batch100: number; readonly batch500: number };
  /** Nanoseconds for one document, 5 paths. */
  readonly extraction: {
    readonly byHand: number;
    readonly compileExtractor: number;
    readonly lodashGet: number;
  };
}

const INSTANCES = 100_000;
const EXTRACTIONS = 204_800;

export async function measureMicro(rounds: number): Promise<Micro> {
  const [own100, own500]: [number[], number[]] = [[], []];
  const [byHand, compiled, lodash]: [number[], number[], number[]] = [[], [], []];
  for (let round = 0; round <= rounds; round += 1) {
    own100.push(await ownTime(100));
    own500.push(await ownTime(500));
    byHand.push(nanosEach((document) => readByHand(document)));
    compiled.push(nanosEach(compileExtractor(PATHS)));
    lodash.push(nanosEach((document) => readByLodash(document)));
  }
  const settled = (times: number[]) => median(times.slice(1)); // the first one compiles
  return {
    ownTime: { batch100: settled(own100), batch500: settled(own500) },
    extraction: { byHand: settled(byHand), compileExtractor: settled(compiled), lodashGet: settled(lodash) },
  };
}

const PATHS = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.address.city' },
  { key: 'amount', path: 'invoice.amount' },
  { key: 'first_article', path: 'lines[0].article' },
  { key: 'customer_id', path: 'customer.id' },
] as const;

/** Several, so that nothing about one of them can be known in advance. */
const DOCUMENTS = Array.from({ length: 64 }, (_, n) => ({
  invoice: { number: `INV-2024-${n}`, amount: 1250 + n, currency: 'EUR' },
  customer: { id: `C-${n}`, address: { street: 'Main street 1', city: `Oslo ${n}` } },
  lines: Array.from({ length: 8 }, (_, index) => ({
    position: index + 1,
    article: `A-${n}-${index}`,
    text: 'spare part, size 12, with a long description',
    price: 99.5,
  })),
}));
type Document = (typeof DOCUMENTS)[number];

function readByHand(document: Document): Record<string, unknown> {
  return {
    invoice_number: document.invoice.number,
    city: document.customer.address.city,
    amount: document.invoice.amount,
    first_article: document.lines[0]?.article,
    customer_id: document.customer.id,
  };
}

function readByLodash(document: Document): Record<string, unknown> {
  const metadata: Record<string, unknown> = {};
  for (const { key, path } of PATHS) metadata[key] = get(document, path, null);
  return metadata;
}

function nanosEach(read: (document: Document) => Record<string, unknown>): number {
  let found = 0;
  const startedAt = performance.now();
  for (let round = 0; round < EXTRACTIONS / DOCUMENTS.length; round += 1) {
    for (const document of DOCUMENTS) if (read(document).city === document.customer.address.city) found += 1;
  }
  const nanos = (1e6 * (performance.now() - startedAt)) / EXTRACTIONS;
  if (found !== EXTRACTIONS) throw new Error('a value was not found');
  return nanos;
}

async function ownTime(batchSize: number): Promise<number> {
  const repository = createIdleRepository(INSTANCES);
  const startedAt = performance.now();
  const report = await runBackfill({ repository, processModelId: 'model', paths: PATHS, batchSize });
  const micros = (1000 * (performance.now() - startedAt)) / INSTANCES;
  if (report.updated !== INSTANCES) throw new Error(`${report.updated} instances were updated`);
  return micros;
}

/** Has parsed documents at hand, and writes nothing but the records of the run. */
function createIdleRepository(instances: number): BackfillRepository<never, number> {
  const records = new Map<string, RunRecord>();
  const documents = DOCUMENTS.map((value) => ({ form: 'parsed', value }) as const);
  const stored: InstanceSnapshot['stored'] = new Map();
  const snapshot = (id: number): InstanceSnapshot<number> => ({
    id,
    cursor: id,
    data: documents[id % documents.length] ?? { form: 'none' },
    stored,
  });
  return {
    surveyInstances: async () => ({ total: instances, upTo: instances }),
    async readInstances({ after, limit }) {
      const first = Number(after ?? 0) + 1;
      const length = Math.max(0, Math.min(limit, instances - first + 1));
      return Array.from({ length }, (_, index) => snapshot(first + index));
    },
    async commit({ next }) {
      for (const record of next({ gone: [], kept: [], moved: [] })) records.set(record.id, record);
      return { status: 'committed' };
    },
    loadRun: async (runId) => [...records.values()].filter((record) => record.runId === runId),
    findRuns: async () => [],
    settled: async (mark) => ({ mark: mark ?? '', settled: true }), // so that it walks once
  };
}
