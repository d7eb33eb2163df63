import { parseArgs } from 'node:util';
import { checkMutants } from './check-mutants.js';
import { checkSeeds } from './check-seeds.js';

// npm run simulate -- --seeds 5000 --from 1
// npm run simulate -- --mutants [--seeds 1000] [--only text]
const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    from: { type: 'string', default: '1' },
    mutants: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
  },
});
const from = Number(values.from);
const isPassed = values.mutants
  ? await checkMutants({ seeds: Number(values.seeds ?? 1000), from, only: values.only })
  : await checkSeeds({ seeds: Number(values.seeds ?? 5000), from });
process.exitCode = isPassed ? 0 : 1;
