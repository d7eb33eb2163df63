import type { History, HistoryEvent } from './history.js';
import { announcementRules } from './judge/announcements.js';
import { answeredRunRules } from './judge/answered-runs.js';
import { answerRules } from './judge/answers.js';
import { blameRules } from './judge/blame.js';
import { columnRules } from './judge/columns.js';
import { differenceRules } from './judge/differences.js';
import { endingRules } from './judge/endings.js';
import { holdRules } from './judge/holds.js';
import { jobRules } from './judge/jobs.js';
import type { Judgement, Rules } from './judge/judgement.js';
import { keyRules } from './judge/keys.js';
import { listingRules } from './judge/listings.js';
import { listRules } from './judge/lists.js';
import { lossRules } from './judge/losses.js';
import { outcomeRules } from './judge/outcomes.js';
import { ownerRecordRules } from './judge/owner-records.js';
import { type ReplayedWorld, replayWorld } from './judge/replay.js';
import { requesterRules } from './judge/requesters.js';
import { retryRules } from './judge/retries.js';
import { revisionRules } from './judge/revisions.js';
import { timeRules } from './judge/times.js';
import { valueRules } from './judge/values.js';
import { verifiedRules } from './judge/verified.js';
import { walkRules } from './judge/walk.js';
import { libraryRecords, type RecordReader } from './read-record.js';

export interface Violation {
  /** Which invariant, from 1 to 26, or 28 to 36. */
  readonly invariant: number;
  readonly message: string;
  /** The index in `history.events` of the event that broke it. */
  readonly at: number;
}

const ALL_RULES: readonly Rules[] = [
  outcomeRules,
  listingRules,
  listRules,
  differenceRules,
  walkRules,
  timeRules,
  requesterRules,
  revisionRules,
  valueRules,
  keyRules,
  ownerRecordRules,
  jobRules,
  answerRules,
  holdRules,
  endingRules,
  blameRules,
  announcementRules,
  answeredRunRules,
  verifiedRules,
  columnRules,
  retryRules,
];

/**
 * Checks each event of a history against the invariants of a backfill. Pure. It does not trust the library:
 * what was written comes from the store, and `reader` reads the records.
 */
export function checkInvariants(history: History, reader: RecordReader = libraryRecords): Violation[] {
  let world = replayWorld(history.rules, reader);
  const lost = new Set<number>();
  const violations: Violation[] = [];
  for (const [at, event] of history.events.entries()) {
    if (event.type === 'forget') {
      for (let index = event.since; index < at; index += 1) lost.add(index);
      world = replayedWithout(
        lost,
        history.events.slice(0, at),
        replayWorld(history.rules, reader, world.revisions, world.stateChanges),
      );
    }
    const changes = event.type === 'commit' ? world.changesOf(event) : [];
    const broken = (invariant: number, message: string): void => {
      violations.push({ invariant, message, at });
    };
    const judgement: Judgement = { at, world, changes, broken };
    for (const rules of isAnswerOfLost(event, world) ? [lossRules] : ALL_RULES)
      judge(rules, event, judgement);
    world.apply(event, at, changes);
  }
  return violations;
}

/** The world after these events, without those that are lost. */
function replayedWithout(
  lost: ReadonlySet<number>,
  events: readonly HistoryEvent[],
  world: ReplayedWorld,
): ReplayedWorld {
  for (const [at, event] of events.entries()) {
    if (lost.has(at)) world.applyLost(event, at);
    else world.apply(event, at, event.type === 'commit' ? world.changesOf(event) : []);
  }
  return world;
}

/** Calls that were under way when the store lost commits may have answered something that is lost. */
function isAnswerOfLost(event: HistoryEvent, { calls, lostAt }: ReplayedWorld): boolean {
  if (event.type !== 'return' && event.type !== 'throw' && event.type !== 'enqueue') return false;
  return (calls.get(event.call)?.startedAt ?? lostAt) < lostAt;
}

function judge<Type extends HistoryEvent['type']>(
  rules: Rules,
  event: Extract<HistoryEvent, { readonly type: Type }>,
  judgement: Judgement,
): void {
  const rule = rules[event.type] as ((judged: typeof event, judgement: Judgement) => void) | undefined;
  rule?.(event, judgement);
}
