import { isWorkable } from './judged-world.js';
import { isNextWalk, isProgress, type Rules, whoOf } from './judgement.js';

/**
 * 6. Every commit names the stored revision. The committed step never falls. It is the step of the job that committed last.
 * 7. No batch is committed after pause, cancel or failure until the run is resumed. Nothing is committed after completion.
 */
export const revisionRules: Rules = {
  commit(event, { changes, world, broken }) {
    if (event.status !== 'committed') return;
    const call = world.calls.get(event.call);
    const who = whoOf(call);
    const expected = new Map(event.expected.map(({ id, revision }) => [id, revision]));
    for (const record of event.records) {
      const stored = world.records.get(record.id)?.revision ?? null;
      if (!expected.has(record.id))
        broken(6, `${who} changed record ${record.id} without naming its revision`);
      else if (expected.get(record.id) !== stored)
        broken(6, `${who} named revision ${expected.get(record.id)} of ${record.id}, but replaced ${stored}`);
      const formatOf = ({ content }: { readonly content: unknown }): number => Number(Object(content).format);
      const replaced = world.records.get(record.id);
      if (replaced !== undefined && formatOf(record) < formatOf(replaced))
        broken(6, `${who} replaced ${record.id}, which is in a newer format`);
      if (world.revisions.has(record.revision))
        broken(6, `revision ${record.revision} of ${record.id} was given twice`);
      world.revisions.add(record.revision);
      const others = [...world.records.values()].filter(
        ({ id, activeKey }) => activeKey !== null && activeKey === record.activeKey && id !== record.id,
      );
      if (others.length > 0) broken(6, `two runs have the active key ${record.activeKey}`);
    }
    for (const { run, header, shards } of changes) {
      const state = run?.header.state ?? 'pending';
      const next = header?.after.state ?? state;
      if (header !== null && run !== null && !isAllowed(state, next) && !isNextWalk({ header }))
        broken(7, `a run that was ${state} became ${next}`);
      if (header !== null && state !== next && ENDED.includes(state))
        broken(7, `a run that was ${state} was changed`);
      for (const change of shards) {
        const { before, after } = change;
        if (before === null) continue;
        if (after.committedStep < before.committedStep)
          broken(
            6,
            `the committed step of shard ${after.index} fell from ${before.committedStep} to ${after.committedStep}`,
          );
        if (!isProgress(change)) {
          const hasNewCommitter =
            after.committedStep !== before.committedStep ||
            (after.committedBy !== before.committedBy && !change.isOpened);
          if (hasNewCommitter)
            broken(6, `${who} became the last committer of shard ${after.index} without committing a batch`);
          continue;
        }
        if (!isWorkable(state))
          broken(7, `${who} committed ${event.instances.length} instances of a run that is ${state}`);
        const step = call?.method === 'handle' ? call.argument.step : after.committedStep;
        if (after.committedStep !== step)
          broken(6, `the job of step ${step} stored ${after.committedStep} as the committed step`);
      }
    }
  },

  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    if (call === undefined || (call.method !== 'pause' && call.method !== 'cancel')) return;
    const run = world.runs.get(String(call.argument.runId));
    const wanted = call.method === 'pause' ? 'paused' : 'cancelled';
    if (Object(answer).state !== wanted)
      broken(7, `${call.method} answered that the run is ${Object(answer).state}`);
    const wasStopped = run !== undefined && (!isWorkable(run.header.state) || run.resumedAt > call.startedAt);
    if (!wasStopped) broken(7, `${call.method} has returned, but the run is ${run?.header.state}`);
  },
};

const ENDED: readonly string[] = ['completed', 'completed_with_failures', 'cancelled'];

const TRANSITIONS: Readonly<Record<string, readonly string[]>> = {
  pending: ['running', 'paused', 'cancelled', 'failed'],
  running: ['paused', 'cancelled', 'failed', 'completed', 'completed_with_failures'],
  paused: ['pending', 'running', 'cancelled'],
  failed: ['pending', 'running', 'cancelled'],
};

function isAllowed(from: string, to: string): boolean {
  return from === to || TRANSITIONS[from]?.includes(to) === true;
}
