import type { ShardView } from '../read-record.js';
import { failuresOf, isComplete } from './judged-world.js';
import type { Judgement, Rules, RunChange } from './judgement.js';

/**
 * 15. In the calm, every run ends within a limited number of turns. Passing faults never fail a run.
 * 17. Another run over unchanged data changes nothing.
 */
export const endingRules: Rules = {
  commit(event, { changes, world, broken }) {
    for (const change of changes) judgeFailure(change, broken);
    const call = world.calls.get(event.call);
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

const MOST_SWEEPS = 8;

function judgeFailure({ run, header, shards }: RunChange, broken: Judgement['broken']): void {
  if (run === null || header === null || header.after.state !== 'failed' || run.header.state === 'failed')
    return;
  const { lastError, definition } = header.after;
  const { maxFailures } = definition;
  const isTooMany =
    maxFailures !== null && failuresOf(run.shards.values()) - (run.forgivenFailures ?? 0) > maxFailures;
  const isStalled = shards.some(({ before }) => (before?.sweeps ?? 0) >= MOST_SWEEPS);
  if (!isTooMany && !isStalled)
    broken(15, `a run failed, although every fault would have passed: ${lastError}`);
}
