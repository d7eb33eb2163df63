import type { ShardView } from '../read-record.js';
import { REFUSED_VALUE } from '../world/poison.js';
import { failuresOf, isComplete, type JudgedRun, type Replay, sweepsInVain } from './judged-world.js';
import type { Judgement, Rules, RunChange } from './judgement.js';

/**
 * 15. In the calm, every run ends within a limited number of turns. Passing faults never fail a run.
 * 17. Another run over unchanged data changes nothing.
 * 26. A run is given up as stalled if eight swept jobs per open shard have begun in vain. Without a worker it never is.
 */
export const endingRules: Rules = {
  commit(event, { changes, world, broken }) {
    const call = world.calls.get(event.call);
    for (const change of changes) {
      judgeFailure(change, world, broken);
      if (call?.method === 'sweep') judgePatience(change, world, broken);
    }
    if (call?.method === 'rerun' && call.argument.time === 2 && event.written.length > 0) {
      broken(17, `a rerun wrote ${event.written.length} values, although nothing had changed`);
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    if (call?.method !== 'rerun' || call.argument.time !== 2) return;
    const { updated, state, keys } = Object(answer);
    if (updated !== 0) broken(17, `a rerun updated ${updated} instances, although nothing had changed`);
    for (const [key, { cleared, replaced }] of Object.entries<Counts>(Object(keys))) {
      if (cleared + replaced > 0)
        broken(17, `a rerun cleared ${cleared} and replaced ${replaced} values of "${key}"`);
    }
    if (!isComplete(String(state))) broken(15, `a rerun without any fault ended as ${state}`);
  },

  end({ turns, isQuiet }, { world, broken }) {
    if (isQuiet) return;
    const open = [...world.runs.values()].filter(
      ({ header }) => !isComplete(header.state) && header.state !== 'cancelled',
    );
    const states = open.map(({ header }) => header.state).join(', ');
    broken(
      15,
      `after ${turns} turns without faults, not everything has ended (open runs: ${states || 'none'})`,
    );
  },
};

type Counts = ShardView['tally']['keys'][number];

const MOST_IN_VAIN = 8;
/** Some jobs begin and die before the library can note it. */
const UNNOTED = 5;

function fewestInVain(world: Replay, run: JudgedRun): number {
  const open = [...run.shards.values()].filter(({ done }) => !done);
  return Math.min(...open.map(({ index }) => sweepsInVain(world, run, index)));
}

function judgePatience({ run, shards }: RunChange, world: Replay, broken: Judgement['broken']): void {
  if (run === null || shards.length === 0) return;
  const inVain = fewestInVain(world, run);
  if (Number.isFinite(inVain) && inVain >= MOST_IN_VAIN + UNNOTED)
    broken(26, `a sweep goes on, although ${inVain} swept jobs of each open shard have begun in vain`);
}

function judgeFailure({ run, header }: RunChange, world: Replay, broken: Judgement['broken']): void {
  if (run === null || header === null || header.after.state !== 'failed' || run.header.state === 'failed')
    return;
  const { lastError, definition } = header.after;
  const { maxFailures } = definition;
  const isTooMany =
    maxFailures !== null && failuresOf(run.shards.values()) - (run.forgivenFailures ?? 0) > maxFailures;
  const isStalled = String(lastError).startsWith('stalled');
  if (isStalled && fewestInVain(world, run) < MOST_IN_VAIN)
    broken(26, `a run failed as stalled after ${fewestInVain(world, run)} swept jobs that had begun`);
  // The judge of blame says whether the job had to stop. A missing permission stops it even if it would pass.
  const isRefused = world.rules.needsWitness && String(lastError).includes(REFUSED_VALUE);
  const isForbidden = /takes nothing now.*42501/.test(String(lastError));
  if (!isTooMany && !isStalled && !isRefused && !isForbidden)
    broken(15, `a run failed, although every fault would have passed: ${lastError}`);
}
