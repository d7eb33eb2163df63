import { parseArgs } from 'node:util';
import { checkMutants } from './check-mutants.js';
import { checkSeeds } from './check-seeds.js';

// npm run simulate -- --seeds 5000 --from 1
// npm run simulate -- --mutants [--seeds 10000] [--only text]
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const from = Number(values.from);

async function check(): Promise<boolean> {
  if (!values.mutants) return checkSeeds({ seeds: Number(values.seeds ?? 5000), from });
  const survivors = await checkMutants({ seeds: Number(values.seeds ?? 10_000), from, only: values.only });
  return survivors.length === 0;
}

process.exitCode = (await check()) ? 0 : 1;
