import type { CommitEvent } from '../history.js';
import type { HeaderView } from '../read-record.js';
import type { JudgedCall } from './judged-world.js';
import { type Judgement, type Rules, type RunChange, whoOf } from './judgement.js';

/**
 * 36. A run says who requested it first, and why, and who last paused, resumed or cancelled it. Nothing else changes what it says.
 */
export const requesterRules: Rules = {
  commit(event, judgement) {
    if (event.status !== 'committed') return;
    for (const change of judgement.changes) judgeRequester(event, judgement, change);
  },
};

function judgeRequester(
  { call: id }: CommitEvent,
  { world, broken }: Judgement,
  { header }: RunChange,
): void {
  if (header === null) return;
  const { before, after } = header;
  const call = world.calls.get(id);
  const [said, expected] = [after, before ?? requesterIn(call)].map(({ requestedBy, reason }) =>
    JSON.stringify({ requestedBy, reason }),
  );
  if (said !== expected) broken(36, `${whoOf(call)} stored a run of ${said}, not of ${expected}`);
  const control = JSON.stringify(after.lastControl);
  if (control === JSON.stringify(before?.lastControl ?? null)) return;
  const { at: _, ...found } = Object(after.lastControl);
  const wanted = { action: actionOf(call), ...requesterIn(call) };
  const isAsAsked = Object.entries(wanted).every(([name, value]) => found[name] === value);
  if (!isAsAsked) broken(36, `${whoOf(call)} stored that it was ${control}, not ${JSON.stringify(wanted)}`);
}

function requesterIn(call: JudgedCall | undefined): Pick<HeaderView, 'requestedBy' | 'reason'> {
  const { requestedBy = null, reason = null } = Object(call?.argument);
  return { requestedBy, reason };
}

/** To take a run up is to resume it, if it was stopped. */
function actionOf(call: JudgedCall | undefined): string | undefined {
  return call?.method === 'take-up' ? 'resume' : call?.method;
}
