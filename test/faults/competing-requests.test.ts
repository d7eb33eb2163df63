import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, expect, type TestContext, test } from 'vitest';
import type { OwnedKey } from '../../src/run/record/owner-record.js';
import { describeWith } from '../support/servers.js';
import { drawRounds, KILLS, ROUNDS, type Round } from './support/competing-rounds.js';
import { type CompiledCheckout, compileCheckout } from './support/compiled-checkout.js';
import { type ContestedModel, columnFrom, openContestedModel, SOURCES } from './support/contested-model.js';
import {
  type AcceptedRequest,
  type RequestAnswer,
  type RequestOrder,
  startRequester,
} from './support/requester-process.js';
import { seededRandom } from './support/seeded-random.js';

/** What a round has left before it is worked off. */
interface Left {
  /** `null`: the process was killed before it could answer. */
  readonly accepted: readonly (AcceptedRequest | null)[];
  /** The owner record before the round, and after each commit that changed it. */
  readonly history: readonly (readonly OwnedKey[])[];
}

describeWith(['PostgreSQL'], 'three processes that request the same keys at once, from other paths', () => {
  let compiled: CompiledCheckout;
  beforeAll(async () => {
    compiled = await compileCheckout();
  });
  afterAll(() => compiled?.remove());

  async function openProcesses(model: ContestedModel, { onTestFinished }: TestContext) {
    const processes = SOURCES.map(() => startRequester(compiled, model.host));
    onTestFinished(async () => {
      await Promise.all(processes.map((process) => process.kill()));
      await model.host.close();
    });
    return {
      async request({ orders, kill }: Round): Promise<(RequestAnswer | null)[]> {
        await Promise.all(processes.map((process) => process.ready()));
        const answers = orders.map((order, place) => processes[place]?.request(order) ?? null);
        if (kill !== null) {
          await (kill.afterMs === null ? answers[kill.victim] : setTimeout(kill.afterMs));
          await processes[kill.victim]?.kill();
          processes[kill.victim] = startRequester(compiled, model.host);
        }
        return Promise.all(answers);
      },
    };
  }

  test(`leave one owner of each key and one path in its column, ${ROUNDS} times, also when one of them is killed`, async (context) => {
    const rounds = drawRounds(seededRandom('competing requests'));
    const model = await openContestedModel();
    const processes = await openProcesses(model, context);
    const played: (Round & Left)[] = [];
    for (const round of rounds) {
      await prepare(model, round);
      const earlier = await model.ownerHistory(round.processModelId);
      const accepted = acceptedOf(await requestAndWork(model, round, () => processes.request(round)), round);
      const all = await model.ownerHistory(round.processModelId);
      const left = { accepted, history: [earlier.at(-1) ?? [], ...all.slice(earlier.length)] };
      expectOneOwner(round, left);
      await expectOneRun(model, round, left);
      await expectWholeTransactions(model, round, left);
      await workOff(model, round);
      await expectOnePath(model, left);
      played.push({ ...round, ...left });
    }

    const { wins, ...sums } = summaryOf(played);
    console.log(`competing requests: ${JSON.stringify({ ...sums, wins })}`);
    expect(sums).toMatchObject({ rounds: ROUNDS, kills: KILLS['at any moment'] + KILLS['before its job'] });
    // Some were killed before their commit, some after it.
    expect(sums.landed).toBeGreaterThan(0);
    expect(sums.unanswered).toBeGreaterThan(sums.landed);
    expect(Math.min(...wins)).toBeGreaterThan(0);
  });
});

function summaryOf(played: readonly (Round & Left)[]) {
  const answers = played.flatMap(({ accepted }) => accepted);
  const accepted = answers.filter((one) => one !== null);
  return {
    rounds: played.length,
    kills: played.filter(({ kill }) => kill !== null).length,
    unanswered: answers.length - accepted.length,
    landed: played.reduce((sum, left) => sum + untoldRuns(left).size, 0),
    accepted: accepted.length,
    joined: accepted.filter(({ created }) => !created).length,
    refused: accepted.reduce((sum, { refusals }) => sum + refusals, 0),
    wins: SOURCES.map((_, place) => played.filter((left) => winnerOf(left) === place).length),
  };
}

/** The process whose request was the last one to take the key that all have requested. -1: it was killed. */
function winnerOf({ accepted, history }: Left): number {
  const owner = history.at(-1)?.find(({ key }) => key === 'number');
  return accepted.findIndex((one) => one?.created && one.runId === owner?.filler);
}

async function prepare(model: ContestedModel, { processModelId, mode }: Round): Promise<void> {
  await model.rename(processModelId);
  if (mode === 'fill') await model.host.query('delete from process_instance_metadata');
}

async function requestAndWork<Answers>(
  model: ContestedModel,
  { jobsMeanwhile }: Round,
  request: () => Promise<Answers>,
): Promise<Answers> {
  let isAnswered = false;
  const answers = request().finally(() => {
    isAnswered = true;
  });
  for (let jobs = 0; jobs < jobsMeanwhile && !isAnswered; ) {
    if (await model.doJob()) jobs += 1;
  }
  return answers;
}

/** Nobody but a process that was killed may have failed. */
function acceptedOf(answers: readonly (RequestAnswer | null)[], { kill }: Round): Left['accepted'] {
  return answers.map((answer, place) => {
    if (answer === null) expect(place).toBe(kill?.victim);
    if (answer !== null && 'failed' in answer) throw new Error(`process ${place}: ${answer.failed}`);
    return answer;
  });
}

/** Each accepted request was once the owner, each path that followed another has raised the generation, and one is the last. */
function expectOneOwner({ orders }: Round, { accepted, history }: Left): void {
  const isOwner = (keys: readonly OwnedKey[], runId: string, place: number): boolean =>
    orders[place]?.paths.every(({ key, path }) =>
      keys.some((owned) => owned.key === key && owned.filler === runId && pathOf(owned) === path),
    ) ?? false;
  for (const [place, one] of accepted.entries()) {
    if (one !== null) expect(history.filter((keys) => isOwner(keys, one.runId, place))).not.toEqual([]);
  }
  for (const [index, keys] of history.entries()) {
    expect(new Set(keys.map(({ key }) => key)).size).toBe(keys.length);
    for (const owned of keys) {
      const before = history[index - 1]?.find(({ key }) => key === owned.key);
      if (index === 0 || before === undefined) continue;
      const isSame = pathOf(before) === pathOf(owned);
      expect(owned.generation).toBe(before.generation + (isSame ? 0 : 1));
    }
  }
}

/** The run that owns a key is the only one that fills it. It may have completed if there were jobs meanwhile. */
async function expectOneRun(model: ContestedModel, round: Round, left: Left): Promise<void> {
  const active = await model.activeRuns(round.processModelId);
  for (const owned of newOwners(left)) {
    const runs = active.filter(({ droppedKeys }) => droppedKeys.every(({ key }) => key !== owned.key));
    const found = runs.flatMap(({ runId, definition: { paths } }) =>
      paths.flatMap(({ key, segments }) => (key === owned.key ? [{ runId, path: segments.join('.') }] : [])),
    );
    const owner = { runId: owned.filler, path: pathOf(owned) };
    // One that has lost another key goes on with this one beside a later run from the same path.
    const others = found.filter(({ runId }) => runId !== owner.runId);
    const isAlone = round.orders.every(({ paths }) => paths.length === 1);
    expect(isAlone ? others : others.filter(({ path }) => path !== owner.path)).toEqual([]);
    if (round.jobsMeanwhile === 0) expect(found).toContainEqual(owner);
  }
}

/** A model update is there exactly if its request was accepted. One without an answer may have been, with all that it did. */
async function expectWholeTransactions(
  model: ContestedModel,
  { orders, kill }: Round,
  { accepted, history }: Left,
): Promise<void> {
  const numbers = orders.map(({ number }) => number);
  const updates = await model.host.query<{ request: number }>(
    'select request from model_update where request = any ($1)',
    [numbers],
  );
  const isUpdated = ({ number }: RequestOrder) => updates.some(({ request }) => request === number);
  for (const [place, order] of orders.entries()) {
    if (accepted[place] !== null) expect(isUpdated(order)).toBe(order.isolation !== null);
  }
  const isOpen = accepted[kill?.victim ?? -1] === null;
  const victim = orders[kill?.victim ?? -1];
  const mayHaveLanded = isOpen && victim !== undefined && (victim.isolation === null || isUpdated(victim));
  expect(untoldRuns({ accepted, history }).size).toBeLessThanOrEqual(mayHaveLanded ? 1 : 0);
}

/** The runs of this round of which no answer tells. */
function untoldRuns({ accepted, history: [before = [], ...after] }: Left): ReadonlySet<string | null> {
  const untold = new Set(after.flatMap((keys) => keys.map(({ filler }) => filler)));
  for (const { filler } of before) untold.delete(filler);
  for (const one of accepted) untold.delete(one?.runId ?? null);
  return untold;
}

async function workOff(model: ContestedModel, { processModelId, orders, kill }: Round): Promise<void> {
  while (await model.doJob());
  // Only a request that was made alone can have been killed between its commit and its job.
  if (kill !== null && orders[kill.victim]?.isolation === null) await model.sweep();
  while (await model.doJob());
  expect(await model.activeRuns(processModelId)).toEqual([]);
}

async function expectOnePath(model: ContestedModel, left: Left): Promise<void> {
  for (const owned of newOwners(left)) {
    expect(await model.column(owned.key)).toEqual(columnFrom(pathOf(owned)));
  }
}

/** The keys that have got another owner in this round. */
function newOwners({ history }: Left): readonly OwnedKey[] {
  const [before = []] = history;
  const fillers = new Map(before.map(({ key, filler }) => [key, filler]));
  return (history.at(-1) ?? []).filter(({ key, filler }) => filler !== fillers.get(key));
}

function pathOf({ segments }: OwnedKey): string {
  return (segments ?? []).join('.');
}
