import type { CommitEvent } from '../history.js';
import { isActive } from './judged-world.js';
import {
  type HeaderChange,
  isDuring,
  type Judgement,
  type Rules,
  storedHeaders,
  whoOf,
} from './judgement.js';

/**
 * 35. A run says when it was created, when its first walk was frozen, and when it ended, unless it goes on again. Each time is of a
 *    moment between the beginning of the call that stores it and its commit, and stays.
 */
export const timeRules: Rules = {
  commit(event, judgement) {
    for (const header of storedHeaders(event, judgement)) judgeTimes(event, judgement, header);
  },
};

function judgeTimes(event: CommitEvent, { world, broken }: Judgement, { before, after }: HeaderChange): void {
  const { call: id, now } = event;
  const call = world.calls.get(id);
  const who = whoOf(call);
  const isOfCall = (time: number): boolean => isDuring(call, event, time);
  const isNew = { createdAt: before === null, startedAt: before?.startedAt === null && after.total !== null };
  for (const name of ['createdAt', 'startedAt'] as const) {
    const [was, is] = [before?.[name] ?? null, after[name]];
    if (isNew[name] ? is === null || !isOfCall(is) : is !== was)
      broken(35, `${who} changed ${name} from ${was} to ${is}, at ${now}`);
  }
  judgeEnd({ before, after }, isOfCall, (message) => broken(35, `${who} ${message}, at ${now}`));
}

function judgeEnd(
  { before, after }: HeaderChange,
  isOfCall: (time: number) => boolean,
  broken: (message: string) => void,
): void {
  const { state, endedAt } = after;
  if ((endedAt === null) !== isActive(state)) broken(`stored a run that is ${state} and ended at ${endedAt}`);
  const isEnd = state !== before?.state;
  if (endedAt !== null && (isEnd ? !isOfCall(endedAt) : endedAt !== before?.endedAt))
    broken(`changed endedAt from ${before?.endedAt} to ${endedAt}`);
}
