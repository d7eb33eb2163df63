import { createPostgresRepository as newRepo } from '../../examples/2-embedded-postgres/postgres-repository.js';
import { runBackfill as newRun } from '../../src/index.js';
import { emptyMetadata, fillTables, vacuum } from './fill-tables.js';
import { openDatabase } from './open-database.js';
import { cpuClock } from './cpu-clock.js';
import { MODEL, pathsOf } from './scenario.js';
const base = '/tmp/wt/base/';
const { createPostgresRepository: oldRepo } = await import(base + 'examples/1-embedded-postgres/postgres-repository.ts');
const { runBackfill: oldRun } = await import(base + 'dist/index.js');
const { runBackfill: compiledRun } = await import('/tmp/wt/engine/dist/index.js');
const scenario = { instances: Number(process.argv[2] ?? 20000), kilobytes: Number(process.argv[3] ?? 1.6), type: (process.argv[4] ?? 'json') as 'json' | 'jsonb', keys: 2 };
const rounds = Number(process.argv[5] ?? 9);
const database = await openDatabase({ latencyMs: 0 }).catch((e) => { console.error(e); process.exit(1); });
await fillTables(database.sql, scenario);
const median = (x: number[]) => [...x].sort((a, b) => a - b)[Math.floor(x.length / 2)]!;
async function once(run: any, create: any, batchSize: number, rerun: boolean) {
  const repository = create(database.sql, { taskData: scenario.type });
  const options = { repository, processModelId: MODEL, paths: pathsOf(scenario), batchSize };
  if (rerun) { await run(options); await vacuum(database.sql); } else await emptyMetadata(database.sql);
  const cpu = await cpuClock(database); const t = performance.now();
  const report = await run(options); const ms = performance.now() - t; const used = cpu.used();
  if (report.state !== 'completed') throw new Error(report.state);
  return { ms, cpu: used.worker / 1000, db: (used.database ?? 0) / 1000 };
}
void newRun;
for (const [name, batch, rerun] of [['batch 100', 100, false], ['batch 2000', 2000, false], ['rerun 100', 100, true]] as const) {
  const ratios: number[] = [], cpus: number[] = [], dbs: number[] = [], olds: number[] = [], news: number[] = [];
  await once(oldRun, oldRepo, batch, rerun); await once(compiledRun, newRepo, batch, rerun);
  for (let i = 0; i < rounds; i++) {
    const order = i % 2 === 0;
    const first = order ? await once(oldRun, oldRepo, batch, rerun) : await once(compiledRun, newRepo, batch, rerun);
    const second = order ? await once(compiledRun, newRepo, batch, rerun) : await once(oldRun, oldRepo, batch, rerun);
    const [o, n] = order ? [first, second] : [second, first];
    ratios.push(n.ms / o.ms); cpus.push(n.cpu / o.cpu); dbs.push(n.db / Math.max(1, o.db)); olds.push(o.ms); news.push(n.ms);
  }
  console.log(name, 'time', median(ratios).toFixed(3), 'cpu', median(cpus).toFixed(3), 'db cpu', median(dbs).toFixed(3), 'old ms', median(olds).toFixed(0), 'new ms', median(news).toFixed(0), 'range', Math.min(...ratios).toFixed(2), Math.max(...ratios).toFixed(2));
}
process.exit(0);
