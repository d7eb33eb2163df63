import type { BackfillMode } from '../../../src/ports/repository.js';
import type { AdaptiveBatchSize } from '../../../src/run/options/tuning-options.js';
import type { Choices } from '../choices.js';
import type { StoreRules } from '../history.js';
import { drawLooks, type Looks, NO_LOOKS } from './looks.js';
import { PROVING_CODES } from './poison.js';
import type { RequestKind } from './request-plans.js';

/** The settings of a world. Each kind of fault is switched off in some worlds, so that the others are seen more clearly. */
export interface World {
  readonly store: StoreRules & {
    readonly form: 'parsed' | 'json' | 'values';
    /** Whether pages pass over filled instances. */
    readonly passesOver: boolean;
    readonly storesNull: boolean;
  };
  readonly instances: number;
  /** How often in 1,000 commits a running instance is saved right before it. */
  readonly busy: number;
  /** So many instances are running, and are saved before nearly each of their commits. */
  readonly restless: number;
  /** How many of 1,000 instances are running, have broken task data, or have a value that cannot be stored. */
  readonly running: number;
  readonly broken: number;
  readonly poisoned: number;
  readonly requests: readonly PlannedRequest[];
  readonly maxFailures: number | null;
  /** One for each worker. */
  readonly batchSizes: readonly (number | AdaptiveBatchSize)[];
  readonly sliceMs: number | null;
  readonly settleMs: number;
  readonly shards: number;
  /** Whether the repository has `splitInstances`. */
  readonly splits: boolean;
  /** How often in 1,000 batches the throttle holds one back, and for how many milliseconds at most. */
  readonly throttled: number;
  readonly longestHoldMs: number;
  readonly maxInstancesPerSecond: number | null;
  readonly attempts: number;
  readonly retryMs: number;
  /** For so many milliseconds no worker takes a job. */
  readonly workersAwayMs: number;
  /** Every process that reads a page dies, until the calm. */
  readonly isDeadly: boolean;
  /** How many of 1,000 processes are of an older version, which cannot read what newer ones store. */
  readonly older: number;
  readonly sweepers: number;
  readonly staleAfterMs: number;
  readonly sweepEveryMs: number;
  readonly readMs: number;
  /** How long a count of instances takes after it has seen them. */
  readonly surveyMs: number;
  readonly commitMs: number;
  readonly broker: {
    readonly visibilityMs: number;
    /** Which delivery of a job may complete it: any, or only the latest. */
    readonly answers: 'any' | 'latest';
    /** Which job keys it recognises and drops: none, those of jobs that wait or run, or all that it ever had. */
    readonly knows: 'nothing' | 'waiting' | 'everything';
    readonly attempts: number;
    readonly lost: number;
    readonly doubled: number;
    readonly delayed: number;
    /** A job is delivered after this time, however long it was to wait. */
    readonly longestDelayMs: number;
    /** How often a job is delivered again whose worker has crashed. */
    readonly redeliveries: number;
    /** How often in 1,000 calls an outage begins. */
    readonly outages: number;
  };
  /** How often in 1,000 turns a process crashes, stalls or has to shut down. */
  readonly crashes: number;
  readonly stalls: number;
  readonly aborts: number;
  /** How often in 1,000 calls of a port each of these happens. */
  readonly faults: {
    readonly lateAnswer: number;
    readonly failed: number;
    readonly answerLost: number;
    readonly landsLate: number;
    readonly lagging: number;
  };
  readonly looks: Looks;
  readonly live: { readonly everyMs: number; readonly weights: Readonly<Record<LiveKind, number>> };
  /** How long a transaction that inserts an instance may take. */
  readonly longestInsertMs: number;
  /** Milliseconds between two actions of an operator. 0 means that there is no operator. */
  readonly operatorEveryMs: number;
  readonly operator: Readonly<Record<OperatorKind, number>>;
  /** How often in 1,000 actions of the operator failed instances are retried, if there are any, and the most retries. */
  readonly retried: number;
  readonly mostRetries: number;
  readonly chaosTurns: number;
  /** So many times in a thousand calls the store takes no more of them, for up to `longestOutageMs`. */
  readonly outages: number;
  readonly longestOutageMs: number;
  /** How often in 1,000 turns the store crashes and loses its last commits. */
  readonly losses: number;
  readonly outageOf: 'everything' | 'commits' | 'values';
  /** The code of the error that it answers then. `null`: none. */
  readonly outageCode: string | null;
  /** The code of the error that refuses a poisoned value. `null`: none. */
  readonly poisonCode: string | null;
}

export interface PlannedRequest {
  readonly kind: RequestKind;
  readonly mode: BackfillMode;
  /** Whether a `clearing` request deletes rows. `default`: only if the store takes no null. */
  readonly clearsBy: 'delete' | 'default';
  readonly atMs: number;
  readonly delayMs: number;
  /** What the host's transaction covers. `job-first`: only the records, so the job is delivered before they are stored. */
  readonly transaction: 'none' | 'whole' | 'job-first';
  /** Of a verification. `null`: the default. */
  readonly maxListedDifferences: number | null;
}

export type LiveKind =
  | 'save'
  | 'save-old'
  | 'edit'
  | 'clear'
  | 'remove'
  | 'delete'
  | 'insert'
  | 'insert-slowly'
  | 'finish';
export type OperatorKind = 'pause' | 'resume' | 'cancel' | 'take-up' | 'start';

/** Settings of a world that are given instead of random. */
export interface WorldOptions {
  /** From 1 to 40. */
  readonly instances?: number | undefined;
  /** From 1 to 4. */
  readonly workers?: number | undefined;
  /** From 1 to 40, for every worker. */
  readonly batchSize?: number | undefined;
  /** From 1 to 8. */
  readonly shards?: number | undefined;
}

/** What a world has beside crashes, faults, live writers and operators. Each world has one of them, so that it is seen clearly. */
const THEMES = ['keys', 'busy', 'walks', 'holds', 'refusals', 'losses'] as const;
type Theme = (typeof THEMES)[number] | 'looks';

export function drawWorld(choices: Choices, fixed: WorldOptions): World {
  const theme = drawTheme(choices);
  const world = withoutOthers(theme, drawLively(choices, fixed, theme));
  return theme === 'holds' && choices.chance(150) ? deserted(choices, world) : world;
}

/**
 * A seventh of the seeds of each theme have people who look instead, so that the other seeds keep their worlds. Not of losses: what
 * only they can show takes the most seeds.
 */
function drawTheme({ weighted }: Choices): Theme {
  const index = weighted(THEMES.flatMap((theme) => (theme === 'losses' ? [7, 0] : [6, 1])));
  return index % 2 === 1 ? 'looks' : (THEMES[index / 2] ?? 'keys');
}

function withoutOthers(theme: Theme, world: World): World {
  const { store, broker, live, operator, requests } = world;
  const weights = { ...live.weights, 'insert-slowly': 0 };
  return {
    ...world,
    ...(theme === 'busy' || theme === 'looks' ? {} : { busy: 0, restless: 0 }),
    ...(theme === 'walks' ? {} : { live: { ...live, weights }, surveyMs: 0 }),
    ...(theme === 'holds'
      ? {}
      : {
          older: 0,
          broker: { ...broker, longestDelayMs: NEVER },
          operator: { ...operator, start: 0 },
        }),
    ...(theme === 'refusals'
      ? {}
      : {
          store: { ...store, largestBatch: null, largestPage: null },
        }),
    requests: requests.map((request) => ({
      ...request,
      kind: theme === 'keys' || !OF_KEYS.includes(request.kind) ? request.kind : 'changed',
      delayMs: theme === 'holds' ? request.delayMs : Math.min(request.delayMs, 1500),
    })),
  };
}

const OF_KEYS: readonly RequestKind[] = ['other-trial', 'changed-quietly', 'removed', 'purged', 'restored'];

/** A world in which so little else happens that many sweeps in a row enqueue jobs. */
function deserted({ oneOf }: Choices, world: World): World {
  const isDeadly = oneOf([true, false]);
  const { broker, live, requests, faults } = world;
  return {
    ...world,
    isDeadly,
    workersAwayMs: isDeadly ? 0 : 500_000,
    requests: requests.slice(0, 1).map((request) => ({ ...request, delayMs: 0, transaction: 'none' })),
    sweepers: 1,
    sweepEveryMs: 20_000,
    throttled: 0,
    sliceMs: null,
    broker: { ...broker, redeliveries: 0, lost: 0, outages: 0 },
    live: { ...live, everyMs: 0 },
    faults: { ...faults, failed: 0, answerLost: 0, landsLate: 0 },
    outages: 0,
    crashes: 0,
    stalls: 0,
    aborts: 0,
    older: 0,
    operatorEveryMs: 0,
    chaosTurns: 900,
  };
}

function drawLively(choices: Choices, fixed: WorldOptions, theme: Theme): World {
  const { oneOf, pick, chance } = choices;
  const isLossy = theme === 'losses';
  // Few instances and three times the faults, for defects that need several faults at once.
  const isStormy = chance(350);
  const often = isStormy ? 3 : 1;
  const many = !isStormy && chance(60);
  // More instances than a shard may leave behind, nearly all of them saved before each commit.
  const isCrowded = theme === 'busy' && chance(60);
  const few = isLossy ? 12 + pick(14) : theme === 'looks' ? 6 + pick(10) : 3 + pick(isStormy ? 6 : 18);
  const instances = isCrowded ? 115 + pick(15) : many ? 25 + pick(16) : few;
  const workers = fixed.workers ?? (isLossy ? 2 : oneOf([1, 2, 2, 3]));
  const batchSize =
    fixed.batchSize ?? (isCrowded ? 140 : 1 + pick(many ? 12 : isLossy || theme === 'looks' ? 3 : 6));
  const slow = !isCrowded && chance(120);
  // Runs fail early and are resumed after others have taken their keys.
  const isContested = theme === 'keys' && chance(500);
  // Operators stop runs and set them going, while the outcome of many commits is unknown.
  const isUnsure = theme === 'looks' && chance(400);
  const isRefused = theme === 'refusals';
  const poisonCode = oneOf(isRefused ? ['42501', '40P01', '57014'] : PROVING_CODES);
  const outageOf = oneOf(isRefused ? ['values', 'values', 'commits'] : ['everything', 'commits']);
  return {
    store: {
      needsWitness: !PROVING_CODES.includes(poisonCode),
      largestBatch: isCrowded ? null : oneOf([null, null, null, 1 + pick(3)]),
      largestPage: isCrowded ? null : oneOf([null, null, null, 1 + pick(2)]),
      versions: oneOf([true, true, false]),
      tokens: oneOf([true, true, false]),
      settles: oneOf([true, true, false]),
      form: oneOf(['parsed', 'json', 'values']),
      passesOver: oneOf([true, false]),
      storesNull: !chance(150),
    },
    instances: fixed.instances ?? (slow ? Math.min(instances, 10) : instances),
    busy: isCrowded ? 970 : oneOf([0, 0, 100, 300]),
    restless: oneOf([0, 0, 1, 2]),
    running: isCrowded ? 1000 : oneOf([0, 400, 900]),
    broken:
      theme === 'looks'
        ? oneOf([0, 400, 800])
        : isContested
          ? 300
          : many && !isCrowded && chance(300)
            ? 900
            : oneOf([0, 0, 100]),
    poisoned: PROVING_CODES.includes(poisonCode) ? oneOf([0, 0, 60, 150]) : oneOf([0, 60, 150, 300]),
    requests: drawRequests(choices, theme, isContested),
    maxFailures: isContested ? 0 : oneOf([null, null, null, null, 0, 1, 2]),
    batchSizes: Array.from({ length: workers }, (_, index) => {
      if (index === 0 || fixed.batchSize !== undefined) return batchSize;
      return chance(150) ? { initial: 1, max: 6, targetMs: 60 } : Math.max(1, batchSize - pick(3));
    }),
    sliceMs: oneOf([null, 40, 120]),
    settleMs: oneOf([300, 2000, 40]),
    shards: fixed.shards ?? oneOf([1, 1, 2, 3]),
    splits: oneOf([true, false]),
    throttled: oneOf([0, 0, 0, 150]),
    longestHoldMs: oneOf([100, 2000, 40_000]),
    maxInstancesPerSecond: oneOf([null, null, null, 40]),
    attempts: oneOf([5, 3]),
    retryMs: oneOf([20, 20, 300]),
    workersAwayMs: 0,
    isDeadly: false,
    older: oneOf([0, 0, 0, 300]),
    sweepers: oneOf([1, 2, 0]),
    staleAfterMs: 1000,
    sweepEveryMs: isStormy || isLossy ? 150 : oneOf([600, 600, 150]),
    readMs: slow ? oneOf([300, 1200]) : oneOf([0, 0, 60]),
    surveyMs: oneOf([0, 300, 300]),
    commitMs: theme === 'looks' ? oneOf([60, 100]) : oneOf([0, 0, 60]),
    broker: {
      visibilityMs: isLossy ? 200 : oneOf([5000, 1000, 200]),
      answers: oneOf(['any', 'latest']),
      knows: oneOf(['nothing', 'waiting', 'everything']),
      attempts: oneOf([10, 4]),
      lost: oneOf([0, 0, 60]),
      doubled: isLossy ? 400 : oneOf([0, 60, 250]),
      delayed: oneOf([0, 200]),
      longestDelayMs: oneOf([NEVER, NEVER, 0, 1000]),
      redeliveries: NEVER,
      outages: oneOf([0, 0, 60]),
    },
    crashes: oneOf([0, 0, 6, 20]) * (isStormy ? 2 : 1),
    stalls: oneOf([0, 0, 3]),
    aborts: oneOf([0, 0, 8, 25]) * often,
    faults: {
      lateAnswer: oneOf([0, 100]),
      failed: oneOf([0, 40]),
      answerLost: oneOf([0, 40, 120]) * often,
      landsLate: isUnsure ? 400 : oneOf([0, 40, 120]) * often,
      lagging: oneOf([0, 0, 120]),
    },
    looks: theme === 'looks' ? drawLooks(choices, isUnsure) : NO_LOOKS,
    live: {
      everyMs: oneOf([120, 40, 0]),
      weights: {
        save: oneOf([2, 0]),
        'save-old': oneOf([0, 1]),
        edit: oneOf([1, 2, 0]),
        clear: oneOf([0, 1]),
        remove: oneOf([0, 1]),
        delete: oneOf([0, 1]),
        insert: oneOf([1, 0, 2]),
        'insert-slowly': oneOf([0, 1, 2]),
        finish: oneOf([0, 1]),
      },
    },
    longestInsertMs: oneOf([300, 1500, 4000]),
    operatorEveryMs: isContested ? 150 : isUnsure ? 50 : oneOf([0, 400, 900]) / often,
    operator: {
      pause: 3,
      resume: isContested ? 9 : oneOf([3, 1]),
      cancel: oneOf([0, 0, 1]),
      'take-up': oneOf([0, 1]),
      start: slow ? 0 : oneOf([0, 0, 1]), // one more run would take too many turns
    },
    retried: 400,
    mostRetries: slow ? 0 : oneOf([0, 1, 2]),
    chaosTurns: theme === 'looks' ? 1200 : isLossy ? 450 : oneOf([120, 200, 320]),
    outages: oneOf(isRefused ? [0, 15, 50, 150] : [0, 0, 15, 50]),
    longestOutageMs: isRefused ? oneOf([800, 2400]) : 800,
    losses: isLossy ? oneOf([6, 15]) : 0,
    outageOf,
    // A database that refuses values alone, with a code that says nothing else, would put the blame on an instance.
    outageCode: outageOf === 'values' ? oneOf(['42501', '40P01', '57014']) : oneOf([null, 'P0001']),
    poisonCode,
  };
}

const NEVER = Number.MAX_SAFE_INTEGER;

function drawRequests(
  { oneOf, pick, chance }: Choices,
  theme: Theme,
  isContested: boolean,
): PlannedRequest[] {
  const first: RequestKind = oneOf(['update', 'update', 'update', 'by-hand', 'by-hand', 'clearing']);
  // In some worlds, the same request is made again and again.
  const isRepeated = theme === 'walks' && chance(400);
  // Or a run and its verification, while somebody reads their lists.
  const isRead = theme === 'looks' && chance(600);
  // A trial, while instances are inserted below its bound.
  const isTried = theme === 'walks' && !isRepeated && chance(200);
  // In others, runs that have failed are resumed after requests that took their keys, one after the other.
  const inTurn = isContested ? oneOf<RequestKind[]>([['other-trial', 'by-hand'], ['removed'], []]) : [];
  // Keys that are taken before, during and after their verification.
  const isVerified = theme === 'keys' && !isContested && chance(400);
  // Two verifications of one key that overlap, while people edit its values and pause either one.
  const isRivalled = theme === 'looks' && !isRead;
  const kinds: RequestKind[] = isRead
    ? Array(4).fill(['by-hand', 'verification']).flat()
    : isRivalled
      ? ['by-hand', ...Array(4).fill(['verification', 'verification-of-one']).flat()]
      : isRepeated
        ? Array(12).fill(first)
        : isTried
          ? ['trial']
          : [first, ...inTurn];
  const taker = oneOf<RequestKind>(['by-hand', 'changed', 'other-trial', 'removed', 'restored', 'purged']);
  const pace = oneOf([250, 1500]);
  if (isVerified) kinds.splice(0, 1, 'by-hand', 'verification', taker, 'verification');
  const more =
    isRead || isRivalled || isRepeated || isVerified || inTurn.length > 0
      ? 0
      : isContested
        ? 3
        : oneOf([0, 1, 1, 2, 3]);
  for (let index = 0; index < more; index += 1) {
    kinds.push(
      oneOf([
        first,
        first,
        'changed',
        'changed',
        'clearing',
        'clearing',
        'disjoint',
        'verification',
        'verification',
        'by-hand',
        'trial',
        theme === 'walks' ? 'trial' : 'other-trial',
        'chosen',
        'changed-quietly',
        'removed',
        'purged',
        'purged',
        'restored',
      ]),
    );
  }
  const mode = oneOf(['fill', 'overwrite']);
  const clearsBy = oneOf(['default', 'delete']);
  const maxListedDifferences = theme === 'looks' ? oneOf([null, 0, 1, 3, 3, 5]) : null;
  const isRace = chance(200);
  function timeOf(index: number): number {
    if (isRepeated) return index * 120 + pick(120);
    if (isRead || isRivalled) return index * 300 + pick(300);
    if (inTurn.length > 0) return index * 700 + pick(300);
    if (isVerified) return index * pace + pick(500);
    if (index === 0 || isRace) return 0;
    return chance(400) ? pick(8) * 15 : pick(20) * 100;
  }
  return kinds.map((kind, index) => ({
    kind,
    mode,
    clearsBy,
    atMs: timeOf(index),
    delayMs: !isRepeated && !isRead && chance(150) ? oneOf([1500, 1500, 50_000]) : 0,
    transaction: chance(200) ? oneOf(['whole', 'job-first']) : 'none',
    maxListedDifferences,
  }));
}
