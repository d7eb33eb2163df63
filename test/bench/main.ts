import { writeFile } from 'node:fs/promises';
import { cpus, totalmem } from 'node:os';
import { parseOptions, USAGE } from './bench-options.js';
import { drawChart } from './draw-chart.js';
import { type Comparison, compare } from './measure.js';
import { measureMicro } from './micro.js';
import { openDatabase } from './open-database.js';
import { comparisonTable, microTable, scaleTable } from './print-results.js';
import { measureScale } from './scale.js';

if (process.argv.includes('--help')) {
  console.log(USAGE);
  process.exit();
}
const options = parseOptions(process.argv.slice(2));
const { rounds, patienceMs, latencyMs, only } = options;
const log = (line: string) => console.error(line);
const print = (table: string) => (options.json ? undefined : console.log(`\n${table}`));

const database = await openDatabase({ latencyMs });
const machine = `${cpus().length} × ${cpus()[0]?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB`;
const setting = {
  date: new Date().toISOString().slice(0, 10),
  machine,
  node: process.version,
  database: latencyMs === 0 ? database.version : `${database.version}, ${latencyMs} ms away`,
};
const caption = Object.values(setting).join(' · ');
print(caption);

const comparisons: Comparison[] = [];
try {
  const isWanted = ({ name }: { name: string }) =>
    only.length === 0 || only.some((part) => name.includes(part));
  for (const scenario of options.scenarios) {
    const comparison = await compare(database, scenario, { rounds, patienceMs, isWanted, log });
    comparisons.push(comparison);
    print(comparisonTable(comparison));
  }
} finally {
  await database.close();
}
const micro = options.micro ? await measureMicro(2 * rounds + 1) : null;
if (micro !== null) print(microTable(micro));
const scale =
  options.scale.length > 0
    ? await measureScale(options.scale, options.scaleMetadata, { rounds, patienceMs, log })
    : null;
if (scale !== null) print(scaleTable(scale));

if (options.json) console.log(JSON.stringify({ ...setting, comparisons, micro, scale }, null, 2));
if (options.chart !== null) await writeFile(options.chart, drawChart(comparisons, caption));
