import { parseArgs } from 'node:util';
import type { Scenario } from './scenario.js';

export interface BenchOptions {
  readonly scenarios: readonly Scenario[];
  readonly rounds: number;
  readonly patienceMs: number;
  readonly latencyMs: number;
  /** Names that those of the wanted candidates contain; none: all. */
  readonly only: readonly string[];
  readonly micro: boolean;
  /** How many instances each step of the scale has. */
  readonly scale: readonly number[];
  /** Where the instances of the scale have their metadata. */
  readonly scaleMetadata: 'rows' | 'members';
  readonly json: boolean;
  readonly chart: string | null;
}

export const USAGE = `npm run bench -- [option ...]        without any: a selection that takes a few minutes
  --size 1.6      kilobytes of task data        } of these, several may be
  --type json     or jsonb                      } given; all combinations
  --keys 2        extraction paths, 1 to 20     } are compared
  --metadata rows or members of a jsonb column  }
  --instances 20000
  --rounds 3      runs of each candidate
  --patience 0    seconds for which each run may wait until other processes leave the processors idle
  --latency 0     milliseconds that each statement takes longer, as on its way to another host
  --only batch    candidates whose name contains this; several may be given
  --micro         only the library's own time, and the extractor
  --scale         only time and memory at 20,000 and 200,000 instances; --million: and at 1,000,000
  --json          the figures as JSON
  --chart a.svg   draw the chart`;

export function parseOptions(args: readonly string[]): BenchOptions {
  const several = { type: 'string', multiple: true } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      size: several,
      type: several,
      keys: several,
      metadata: several,
      instances: several,
      rounds: { type: 'string', default: '3' },
      latency: { type: 'string', default: '0' },
      patience: { type: 'string', default: '0' },
      only: several,
      micro: flag,
      scale: flag,
      million: flag,
      json: flag,
      chart: { type: 'string' },
    },
  });
  const { size, type, keys, instances, metadata, only = [], json, chart = null } = values;
  const isScale = values.scale || values.million;
  const isChosen = [size, type, keys, instances, metadata].some((value) => value !== undefined);
  const scenarios = isChosen ? combinations(size, type, keys, instances, metadata) : SELECTION;
  return {
    scenarios: isScale || values.micro ? [] : scenarios,
    rounds: numberOf('rounds', values.rounds, { least: 1, isWhole: true }),
    latencyMs: numberOf('latency', values.latency),
    patienceMs: 1000 * numberOf('patience', values.patience),
    only,
    micro: values.micro || !(isScale || isChosen),
    scale: isScale ? [20_000, 200_000, ...(values.million ? [1_000_000] : [])] : [],
    scaleMetadata: placeOf(metadata?.at(-1) ?? 'rows'),
    json,
    chart,
  };
}

const SELECTION: readonly Scenario[] = [
  { kilobytes: 1.6, type: 'json', keys: 2, instances: 20_000 },
  { kilobytes: 1.6, type: 'jsonb', keys: 2, instances: 20_000 },
  { kilobytes: 45, type: 'json', keys: 2, instances: 4_000 },
  { kilobytes: 45, type: 'jsonb', keys: 2, instances: 4_000 },
];

function combinations(
  sizes: readonly string[] = ['1.6'],
  types: readonly string[] = ['json'],
  keys: readonly string[] = ['2'],
  instances: readonly string[] = ['20000'],
  places: readonly string[] = ['rows'],
): Scenario[] {
  return sizes.flatMap((size) =>
    types.flatMap((type) => {
      if (type !== 'json' && type !== 'jsonb') throw new Error(`--type: expected json or jsonb, got ${type}`);
      return keys.flatMap((count) =>
        instances.flatMap((number) =>
          places.map((place): Scenario => {
            const metadata = placeOf(place);
            return {
              kilobytes: numberOf('size', size),
              type: metadata === 'members' ? 'jsonb' : type,
              keys: numberOf('keys', count, { least: 1, most: 20, isWhole: true }),
              instances: numberOf('instances', number, { least: 1, isWhole: true }),
              ...(metadata === 'members' && { metadata }),
            };
          }),
        ),
      );
    }),
  );
}

function placeOf(place: string): 'rows' | 'members' {
  if (place === 'rows' || place === 'members') return place;
  throw new Error(`--metadata: expected rows or members, got ${place}`);
}

function numberOf(
  option: string,
  text: string,
  { least = 0, most = Number.POSITIVE_INFINITY, isWhole = false } = {},
): number {
  const number = text.trim() === '' ? Number.NaN : Number(text);
  if (number >= least && number <= most && (!isWhole || Number.isInteger(number))) return number;
  const range = most === Number.POSITIVE_INFINITY ? `of at least ${least}` : `from ${least} to ${most}`;
  throw new Error(
    `--${option}: expected a ${isWhole ? 'whole ' : ''}number ${range}, got ${JSON.stringify(text)}`,
  );
}
