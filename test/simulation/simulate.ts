import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { z } from 'zod';
import { RUN_CHANNEL } from '../../src/index.js';
import { expecting, parseInput, wholeNumber } from '../../src/input/parse-input.js';
import { checkInvariants, type Violation } from './check-invariants.js';
import { randomFrom, replayedChoices, seededChoices } from './choices.js';
import type { History, HistoryEvent, StateMessage } from './history.js';
import { lookAfterwards } from './world/afterwards.js';
import { disturbProcess, loseCommits } from './world/disturb-process.js';
import { drawWorld, type WorldOptions } from './world/draw-world.js';
import { glance } from './world/glance.js';
import { startHosts } from './world/hosts.js';
import { startLiveInstances } from './world/live-instances.js';
import { startOperators } from './world/operators.js';
import { createOutages } from './world/outages.js';
import { createPoison } from './world/poison.js';
import { startReaders } from './world/readers.js';
import type { Scene } from './world/scene.js';
import { createSchedule } from './world/schedule.js';
import { createSimulatedBroker } from './world/simulated-broker.js';
import { forgetGlances } from './world/simulated-process.js';
import { createSimulatedStore } from './world/simulated-store.js';
import { storedRuns } from './world/stored-runs.js';
import { startSweepers } from './world/sweepers.js';
import { takeTurns } from './world/turns.js';
import { startWorkers } from './world/workers.js';

export interface SimulationOptions extends WorldOptions {
  /** A whole number from 0 on. It decides everything that is random in the world. @default 1 */
  readonly seed?: number | undefined;
  /** Instead of a seed: the `choices` of an earlier simulation, or a part of them. */
  readonly choices?: readonly number[] | undefined;
}

export interface Simulation {
  /** The options that it was started with. */
  readonly options: SimulationOptions;
  /** All random choices, in order. `simulate` with these choices has the same history. */
  readonly choices: readonly number[];
  readonly history: History;
  /** The answer of {@link checkInvariants}. Empty if every invariant holds. */
  readonly violations: readonly Violation[];
}

/** Virtual milliseconds per turn. In a turn, one pending thing happens. */
const TURN_MS = 8;
/** In the calm, every run must end within this many turns. */
const CALM_TURNS = 24_000;

/**
 * Runs backfills in a small world with virtual time, in which everything that can go wrong does:
 * - The calls of several workers interleave in any order, and processes crash at any await.
 * - Jobs are lost, doubled, delayed, too early and delivered again. For a long time no worker may take any.
 * - Commits have unknown outcomes and land late. The store loses its last commits.
 * - Some processes are of an older version than others.
 * - Live instances write between a read and its commit. Operators and sweepers act at any time.
 * - People ask for the status beside other calls, and read lists page by page while they grow. Loads take long.
 *
 * Then comes the calm: nothing fails any more, and every run must end. Deterministic: the same seed has the same history.
 *
 * @throws {InvalidInputError} when an option is out of its range.
 *
 * @example
 * for (let seed = 1; seed <= 1000; seed += 1) {
 *   const simulation = await simulate({ seed });
 *   if (simulation.violations.length > 0) throw new Error(await explainFailure(simulation));
 * }
 */
export async function simulate(options: SimulationOptions = {}): Promise<Simulation> {
  parseInput('simulate options', simulationOptions, options);
  const choices = options.choices ? replayedChoices(options.choices) : seededChoices(options.seed ?? 1);
  const world = drawWorld(choices, options);
  const events: HistoryEvent[] = [];
  const record = (event: HistoryEvent): number => events.push(event) - 1;
  const schedule = createSchedule(Date.UTC(2030, 0, 1));
  const random = randomFrom(1);
  let calls = 0;
  let isCalm = false;
  let isOver = false;
  const scene: Scene = {
    world,
    choices,
    schedule,
    get store() {
      return store;
    },
    get broker() {
      return broker;
    },
    get live() {
      return live;
    },
    get outages() {
      return outages;
    },
    get isCalm() {
      return isCalm;
    },
    get isOver() {
      return isOver;
    },
    outside: { stalledUntil: 0 },
    network: { stalledUntil: 0 },
    record,
    nextCall() {
      calls += 1;
      return calls;
    },
    random,
  };
  const outages = createOutages(scene);
  const poison = createPoison(scene);
  const store = createSimulatedStore({
    ...world.store,
    poison,
    now: () => schedule.now,
    forgets: world.losses > 0,
    record,
  });
  const workers = startWorkers(scene);
  const broker = createSimulatedBroker(scene, workers);
  const hosts = startHosts(scene);
  const live = startLiveInstances(scene);
  const sweepers = startSweepers(scene);
  const operators = startOperators(scene);
  const readers = startReaders(scene);
  const slots = [...workers.slots, ...hosts.slots, ...sweepers.slots, ...operators.slots, ...readers.slots];

  const isIdle = (): boolean => slots.every(({ process }) => process.isIdle);
  const isQuiet = (): boolean =>
    hosts.areDone &&
    broker.jobs === 0 &&
    isIdle() &&
    scene.store.instances.open.size === 0 &&
    !schedule.has(scene.network) &&
    storedRuns(scene).every(({ state }) => !ONGOING.includes(state)) &&
    !operators.hasWork();

  function playTurn(): void {
    schedule.pass(TURN_MS);
    const ready = schedule.ready();
    const next = ready[choices.pick(ready.length)];
    if (next === undefined) schedule.skipIdleTime();
    else {
      schedule.remove(next);
      next.happen();
    }
  }

  const announced = (message: unknown): void => {
    record({ type: 'announce', message: message as StateMessage });
  };
  subscribe(RUN_CHANNEL, announced); // of the whole process: one simulation at a time

  let chaosLeft = world.chaosTurns;
  await takeTurns(() => {
    chaosLeft -= 1;
    if (chaosLeft < 0 || isQuiet()) return false;
    disturbProcess(scene, slots);
    loseCommits(scene, workers.slots);
    glance(scene, slots);
    playTurn();
    return true;
  });

  isCalm = true;
  for (const { process } of slots) process.owner.stalledUntil = 0;
  record({ type: 'calm' });
  let calmTurns = 0;
  await takeTurns(() => {
    if (calmTurns >= CALM_TURNS || isQuiet()) return false;
    calmTurns += 1;
    playTurn();
    return true;
  });
  record({ type: 'end', turns: calmTurns, isQuiet: isQuiet() });
  isOver = true;
  if (isQuiet()) await lookAfterwards(scene, playTurn);

  unsubscribe(RUN_CHANNEL, announced);
  forgetGlances();
  const history: History = { rules: world.store, events };
  return { options, choices: choices.made, history, violations: checkInvariants(history) };
}

const simulationOptions: z.ZodType<SimulationOptions> = z.strictObject({
  seed: wholeNumber(0, Number.MAX_SAFE_INTEGER).optional(),
  choices: expecting<readonly number[]>(
    'a list of whole numbers',
    (value) => Array.isArray(value) && value.every((choice) => Number.isInteger(choice)),
  ).optional(),
  instances: wholeNumber(1, 40).optional(),
  workers: wholeNumber(1, 4).optional(),
  batchSize: wholeNumber(1, 40).optional(),
  shards: wholeNumber(1, 8).optional(),
});

const ONGOING: readonly string[] = ['pending', 'running'];
