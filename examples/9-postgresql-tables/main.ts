import { PGlite } from '@electric-sql/pglite';
import { previewBackfill, runBackfill } from 'process-metadata-backfill';
import { createRunTable, fromPglite } from 'process-metadata-backfill/postgres';
import { formatTable } from '../2-embedded-postgres/format-table.js';
import { DEMO_HOSTS, demoInstances, MODEL } from './demo-hosts.js';

const name = process.argv[2] ?? 'n8n';
const host = DEMO_HOSTS[name];
if (host === undefined) {
  console.error(`expected ${Object.keys(DEMO_HOSTS).join(' or ')}, got ${name}`);
  process.exit(1);
}

// What is there before: the host's tables and instances.
const pglite = await PGlite.create();
await pglite.exec(host.tables);
await pglite.query(host.insert, [JSON.stringify(demoInstances(host))]);
const before = await readReport(host.report);

// What the host adds: a table, a repository, and a check at start-up.
await pglite.exec(createRunTable());
const repository = host.createRepository(fromPglite(pglite));
const warnings = await repository.check();
console.log(`Warnings of check(): ${warnings.length}`);
for (const warning of warnings) console.log(`  ${warning}`);
if (host.index !== undefined) {
  await pglite.exec(host.index);
  console.log(`With that index: ${(await repository.check()).length}`);
}

// What it then can do.
const paths = [
  { key: 'invoice_number', path: 'invoice.number' },
  { key: 'city', path: 'customer.city' },
];
const preview = await previewBackfill({ repository, processModelId: MODEL, paths });
console.log(`\npreviewBackfill() has read ${preview.sampled} of ${preview.total} instances:`);
for (const [key, { found }] of Object.entries(preview.keys)) console.log(`  ${found.count} have ${key}`);
for (const warning of preview.warnings) console.log(`  ${warning}`);

const logger = { info() {}, warn() {}, error() {} }; // the report says it all
const run = await runBackfill({ repository, processModelId: MODEL, paths, logger });
console.log(`\nrunBackfill() is ${run.state}: ${run.updated} of ${run.total} instances have new values.`);
for (const { instanceId, reason } of run.failures) console.log(`  Instance ${instanceId} failed: ${reason}`);

const after = await readReport(host.report);
const shown = after.filter(({ number }) => number === 1 || number in host.notes);
console.log();
const table = [
  { cells: ['id', 'status', 'metadata before', 'metadata after'] },
  ...shown.map(({ number, id, status, metadata }) => ({
    cells: [id, status, before.find((row) => row.number === number)?.metadata ?? '–', metadata ?? '–'],
    note: host.notes[number],
  })),
];
for (const line of formatTable(table, process.stdout.columns || 120)) console.log(line);
await pglite.close();

interface ReportRow {
  readonly number: number;
  readonly id: string;
  readonly status: string;
  readonly metadata: string | null;
}

async function readReport(text: string): Promise<ReportRow[]> {
  return (await pglite.query<ReportRow>(text)).rows;
}
