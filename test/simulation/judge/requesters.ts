import type { CommitEvent } from '../history.js';
import type { HeaderView } from '../read-record.js';
import type { JudgedCall } from './judged-world.js';
import {
  type HeaderChange,
  isDuring,
  type Judgement,
  type Rules,
  storedHeaders,
  whoOf,
} from './judgement.js';

/**
 * 36. A run says who first requested it and why, and who last paused, resumed or cancelled it, when and why. Nothing else changes what it says.
 */
export const requesterRules: Rules = {
  commit(event, judgement) {
    for (const header of storedHeaders(event, judgement)) {
      judgeRequester(event, judgement, header);
      judgeControl(event, judgement, header);
    }
  },
};

function judgeRequester(
  { call: id }: CommitEvent,
  { world, broken }: Judgement,
  { before, after }: HeaderChange,
): void {
  const call = world.calls.get(id);
  const [said, expected] = [after, before ?? requesterIn(call)].map(({ requestedBy, reason }) =>
    JSON.stringify({ requestedBy, reason }),
  );
  if (said !== expected) broken(36, `${whoOf(call)} stored a run of ${said}, not of ${expected}`);
}

function judgeControl(event: CommitEvent, { world, broken }: Judgement, header: HeaderChange): void {
  const { before, after } = header;
  const call = world.calls.get(event.call);
  const control = JSON.stringify(after.lastControl);
  const isNew = control !== JSON.stringify(before?.lastControl ?? null);
  if (!isNew && !isControl(call, header)) return;
  const { at, ...found } = Object(after.lastControl);
  const wanted = { action: actionOf(call), ...requesterIn(call) };
  const isAsAsked = Object.entries(wanted).every(([name, value]) => found[name] === value);
  if (!isAsAsked) broken(36, `${whoOf(call)} stored the control ${control}, not ${JSON.stringify(wanted)}`);
  else if (!isDuring(call, event, at))
    broken(
      36,
      `${whoOf(call)} stored the control ${control}, whose time is not within the call, which committed at ${event.now}`,
    );
}

/** Whether a call has paused, resumed or cancelled the run. A run may be cancelled or pending right after it is resumed. */
function isControl(call: JudgedCall | undefined, { before, after }: HeaderChange): boolean {
  if (before === null || before.state === after.state) return false;
  switch (actionOf(call)) {
    case 'pause':
      return after.state === 'paused';
    case 'cancel':
      return after.state === 'cancelled';
    case 'resume':
      return before.state === 'paused' || before.state === 'failed';
    default:
      return false;
  }
}

function requesterIn(call: JudgedCall | undefined): Pick<HeaderView, 'requestedBy' | 'reason'> {
  const { requestedBy = null, reason = null } = Object(call?.argument);
  return { requestedBy, reason };
}

/** To take a run up is to resume it, if it was stopped. */
function actionOf(call: JudgedCall | undefined): string | undefined {
  return call?.method === 'take-up' ? 'resume' : call?.method;
}
