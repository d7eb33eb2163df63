import { isDeepStrictEqual } from 'node:util';
import type { CallMethod } from '../history.js';
import { REFUSED_VALUE } from '../world/poison.js';
import { isActive, isComplete, type JudgedCall, type JudgedRun, type Replay } from './judged-world.js';
import { type Judgement, type Rules, whoOf } from './judgement.js';
import { type ListedView, nameOf } from './lists.js';
import { type ShownRun, shownRun } from './shown-run.js';

/**
 * 33. A status shows its run as the call last loaded or changed it. After a fault, it may show the run as the call saw it one look
 *    earlier: the last look may only check whether a change was stored. A list has the runs of its filter, newest first,
 *    each once, as they are stored. A report of a run that is complete shows it as it was completed. Before that, no count is larger
 *    than the stored one. Failures are left out only if they cannot be read, with a warning. In the calm, nobody asks
 *    in vain: each such call returns, and none throws.
 */
export const answeredRunRules: Rules = {
  call({ process }, { world, broken }) {
    for (const call of world.calls.values()) {
      const isOpen = call.process === process && call.endedAt === null && !call.hasCrashed;
      if (isOpen && isLookInCalm(call, world)) broken(33, `${whoOf(call)} has not returned`);
    }
  },

  throw({ call: id, name, message }, { world, broken }) {
    const call = world.calls.get(id);
    // A rerun stops at a value that the store refuses, if nothing shows that the instance is to blame.
    const isRefused = call?.method === 'rerun' && message.includes(REFUSED_VALUE);
    if (call !== undefined && isLookInCalm(call, world) && !isRefused)
      broken(33, `${whoOf(call)} threw ${name} in the calm: ${message}`);
  },

  return({ call: id, answer }, judgement) {
    const call = judgement.world.calls.get(id);
    if (call === undefined) return;
    if (call.method === 'list') judgeList(judgement, call, answer);
    else if (answersStatus(call)) judgeStatus(judgement, call, answer);
    else if (REPORTING.includes(call.method)) judgeReport(judgement, call, answer);
  },
};

const LOOKS: readonly CallMethod[] = [
  'status',
  'list',
  'columns',
  'failures',
  'differences',
  'rerun',
  'verify',
];
const REPORTING: readonly CallMethod[] = ['handle', 'take-up', 'start', 'rerun', 'verify'];
const STATUSES: readonly CallMethod[] = ['status', 'pause', 'resume', 'cancel'];

function isLookInCalm({ method, startedAt }: JudgedCall, { calmAt }: Replay): boolean {
  return LOOKS.includes(method) && startedAt > calmAt;
}

/** Whether a call answers the status of its run. */
export function answersStatus({ method }: Pick<JudgedCall, 'method'>): boolean {
  return STATUSES.includes(method);
}

function judgeStatus({ broken }: Judgement, call: JudgedCall, answer: unknown): void {
  const isCut = leavesFailuresOut(broken, call, answer);
  const answered = { ...Object(answer), failures: namesOf(answer, 'failures') };
  const expectedFrom = (run: ShownRun | null): object => {
    const { samples: _, ...expected } = run ?? { runId: call.argument.runId };
    return isCut ? { ...expected, failures: [] } : expected;
  };
  const before = call.lastFault === null ? null : call.shownBefore;
  if (before !== null && differing(answered, expectedFrom(before)).length === 0) return;
  compare(broken, whoOf(call), answered, expectedFrom(call.shown));
}

/** Whether an answer leaves the failures out. It does so only if they cannot be read, and says so. */
function leavesFailuresOut(broken: Judgement['broken'], call: JudgedCall, answer: unknown): boolean {
  const warnings: readonly string[] = Object(answer).warnings ?? [];
  const warning = warnings.find((text) => text.startsWith('The first failures could not be read'));
  if (warning !== undefined && call.lastFault === null)
    broken(33, `${whoOf(call)} warned although nothing had failed: ${warning}`);
  return warning !== undefined;
}

const SUMMARY = [
  ...['runId', 'processModelId', 'state', 'createdAt', 'startedAt', 'endedAt', 'lastError', 'hasQueue'],
  ...['requestedBy', 'reason', 'dryRun', 'limit', 'selected', 'paths', 'total', 'processed', 'updated'],
  ...['failed', 'gone', 'verdict', 'lastProgressAt'],
] as readonly (keyof ShownRun)[];

function judgeList({ world, broken }: Judgement, call: JudgedCall, answer: unknown): void {
  const summaries = answer as readonly { readonly runId: string }[];
  const expected = runsOf(world, call.argument);
  const [ids, expectedIds] = [summaries, expected].map((runs) => runs.map(({ runId }) => runId).join(', '));
  if (ids !== expectedIds) {
    broken(33, `a list has the runs [${ids}], not [${expectedIds}]`);
    return;
  }
  for (const [index, run] of expected.entries())
    compare(broken, 'a list', summaries[index], {
      ...partOf(shownRun(run), SUMMARY),
      ...{ waiting: waitingOf(run, call.now), ratePerSecond: 0, etaMs: null },
    });
}

/** In the calm after the end, a run waits only for its start, and nothing moves. */
function waitingOf({ header, shards }: JudgedRun, now: number): object | null {
  const { heldUntil = null, heldFor } = shards.get(0) ?? {};
  const isHeld = isActive(header.state) && heldUntil !== null && heldUntil > now;
  return isHeld ? { for: heldFor, reason: heldFor, until: heldUntil } : null;
}

interface Filter {
  readonly processModelId?: string;
  readonly active?: boolean;
  readonly before?: string;
  readonly limit?: number;
}

function runsOf({ runs }: Replay, filter: Filter): readonly JudgedRun[] {
  const { processModelId = null, active = null, before = null, limit = 100 } = filter;
  return [...runs.values()]
    .filter((run) => processModelId === null || run.processModelId === processModelId)
    .filter(({ header }) => active === null || active === isActive(header.state))
    .filter(({ runId }) => before === null || runId < before)
    .sort((a, b) => (a.runId < b.runId ? 1 : -1))
    .slice(0, limit);
}

const REPORT = [
  ...['runId', 'processModelId', 'state', 'dryRun', 'total', 'processed', 'updated', 'failed', 'gone'],
  ...['keys', 'differences', 'verdict', 'lastError', 'failures'],
] as readonly (keyof ShownRun)[];

function judgeReport({ world, broken }: Judgement, call: JudgedCall, answer: unknown): void {
  const { runId, state } = Object(answer);
  const expectedId = call.argument.runId ?? call.storedRun ?? runId;
  if (runId !== expectedId) broken(33, `${whoOf(call)} reports about ${runId}, not about ${expectedId}`);
  const isCut = leavesFailuresOut(broken, call, answer);
  const run = world.runs.get(runId);
  if (run === undefined) return;
  if (!isComplete(state)) {
    judgePartly(broken, call, answer, run);
    return;
  }
  const names = call.method === 'verify' ? [...REPORT, 'samples' as const] : REPORT;
  const [failures, samples] = [namesOf(answer, 'failures'), namesOf(answer, 'samples')];
  const expected = partOf(shownRun(run), names);
  const shown = { ...Object(answer), failures, samples };
  compare(broken, whoOf(call), shown, isCut ? { ...expected, failures: [] } : expected);
}

/** The run may have changed since the job looked at it. In its first walk, each count only grows. */
function judgePartly(broken: Judgement['broken'], call: JudgedCall, answer: unknown, run: JudgedRun): void {
  const expected = shownRun(run);
  compare(broken, whoOf(call), answer, partOf(expected, ['processModelId', 'dryRun']));
  const { keys, differences, verdict, ...report } = Object(answer);
  if ((verdict != null) !== expected.dryRun || (differences != null) !== expected.dryRun)
    broken(
      33,
      `${whoOf(call)} reports ${verdict} and the differences ${JSON.stringify(differences)} of a run with dryRun ${expected.dryRun}`,
    );
  if (!isDeepStrictEqual(Object.keys(Object(keys)), Object.keys(expected.keys)))
    broken(33, `${whoOf(call)} reports the keys ${Object.keys(Object(keys))}`);
  for (const name of ['processed', 'updated', 'failed', 'gone'] as const)
    if (run.header.walk === 1 && !(report[name] <= expected[name]))
      broken(33, `${whoOf(call)} shows ${name} ${report[name]}, more than ${expected[name]}`);
}

function namesOf(answer: unknown, list: 'failures' | 'samples'): readonly string[] | null {
  const items: readonly ListedView[] | undefined = Object(answer)[list];
  return items?.map(nameOf) ?? null;
}

function partOf(shown: ShownRun, names: readonly (keyof ShownRun)[]): object {
  return Object.fromEntries(names.map((name) => [name, shown[name]]));
}

function compare(broken: Judgement['broken'], who: string, answer: unknown, expected: object): void {
  for (const [name, value] of differing(answer, expected))
    broken(33, `${who} shows ${name} ${JSON.stringify(Object(answer)[name])}, not ${JSON.stringify(value)}`);
}

function differing(answer: unknown, expected: object): [name: string, value: unknown][] {
  return Object.entries(expected).filter(([name, value]) => !isDeepStrictEqual(Object(answer)[name], value));
}
