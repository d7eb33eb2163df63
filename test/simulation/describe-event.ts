import type { CommitEvent, HistoryEvent, Rows, TaskState } from './history.js';
import type { RecordReader } from './read-record.js';

/** Returns a function that describes one event in plain words. Pass it all events in order: it remembers calls and runs. */
export function createNarrator(reader: RecordReader): (event: HistoryEvent) => string {
  const calls = new Map<number, string>();
  const runs: string[] = [];

  function run(runId: unknown): string {
    const id = String(runId);
    if (!runs.includes(id)) runs.push(id);
    return `run ${runs.indexOf(id) + 1}`;
  }
  const who = (call: number): string => calls.get(call) ?? 'an unknown call';
  const job = ({ runId, shard, step }: { runId?: unknown; shard?: unknown; step?: unknown }): string =>
    `step ${step} of shard ${shard} of ${run(runId)}`;

  function describeCommit(event: CommitEvent): string {
    const { late, instances, exhausted, status, moved, kept, gone, written, records } = event;
    const what =
      instances.length > 0
        ? `commits ${instances.map(({ id }) => id).join(', ')}`
        : exhausted === null
          ? 'changes records'
          : 'proves that nothing is left';
    const notes = [
      ...written.map(
        ({ id, key, row }) => `${id}.${key} ${row === null ? 'deleted' : `= ${JSON.stringify(row.value)}`}`,
      ),
      ...kept.map(({ id, key }) => `${id}.${key} kept`),
      ...gone.map((id) => `${id} gone`),
      ...moved.map((id) => `${id} has moved on`),
      ...records.map((record) => {
        if (reader.isOwners(record)) return 'the owner record';
        const failures = reader.failures(record)?.failures.map(({ instanceId }) => instanceId);
        if (failures !== undefined) return `failed: ${failures.join(', ') || 'none'}`;
        const differences = reader.differences(record)?.differences.map(({ instanceId }) => instanceId);
        if (differences !== undefined) return `different: ${differences.join(', ') || 'none'}`;
        if (reader.isHeader(record)) {
          const { state, walk, settled, walkAgain } = reader.header(record);
          const walks = `walk ${walk}${settled === null ? '' : settled ? ', settled' : ', not settled'}`;
          return `${run(record.runId)} ${state}, ${walks}${walkAgain ? ', to walk again' : ''}`;
        }
        const { index, after, behind, done, allottedStep, committedStep } = reader.shard(record);
        const left = behind.map(({ id, tries }) => `, without ${id} (${tries})`).join('');
        const place = `shard ${index} of ${run(record.runId)} at ${after}${left}${done ? ', done' : ''}`;
        return `${place}, allotted step ${allottedStep}, committed step ${committedStep}`;
      }),
    ];
    const detail = notes.length === 0 ? '' : `: ${notes.join('; ')}`;
    return `${who(event.call)} ${what}${late ? ', late' : ''}: ${status}${detail}`;
  }

  return (event) => {
    switch (event.type) {
      case 'begin':
        return `transaction ${event.transaction} begins`;
      case 'insert':
        return `instance ${event.id} of ${event.processModelId} is inserted at ${event.cursor}${event.transaction === null ? '' : `, in transaction ${event.transaction}`}${event.running ? ', running' : ''}, with ${data(event.task)}${saved(event.rows)}`;
      case 'complete-task':
        return `instance ${event.id} completes a task, with ${data(event.task)}${saved(event.rows)}`;
      case 'finish':
        return `instance ${event.id} has ended`;
      case 'edit':
        return `a user ${event.row === null ? 'deletes' : 'edits'} ${event.id}.${event.key}${event.row === null ? '' : ` = ${JSON.stringify(event.row.value)}`}`;
      case 'delete':
        return `instance ${event.id} is deleted`;
      case 'call': {
        const argument = Object(event.argument);
        const about =
          event.method === 'handle' ? ` ${job(argument)}` : argument.runId ? ` ${run(argument.runId)}` : '';
        const detail = event.method === 'request' ? ` ${JSON.stringify(argument)}` : '';
        calls.set(event.call, `${event.process} (call ${event.call})`);
        return `${event.process} begins call ${event.call}: ${event.method}${about}${detail}`;
      }
      case 'return': {
        const { state, status, runId, created, covered, enqueued } = Object(event.answer);
        if (status === 'triggered')
          return `${who(event.call)} returns: ${run(runId)}${created ? '' : `, joined${covered ? '' : ', not covered'}`}`;
        const jobs = enqueued === undefined ? '' : `${enqueued.length} jobs enqueued`;
        return `${who(event.call)} returns: ${state ?? jobs}`;
      }
      case 'throw':
        return `${who(event.call)} throws ${event.name}: ${event.message}`;
      case 'abort':
        return `${who(event.call)} has to shut down: its signal is aborted`;
      case 'crash':
        return `${event.process} crashes${event.call === null ? '' : ` in call ${event.call}`}`;
      case 'stall':
        return `${event.process} stalls`;
      case 'survey':
        return `${who(event.call)} counts ${event.total} instances, up to ${event.upTo}`;
      case 'read':
        return `${who(event.call)} reads ${event.page.map(({ id, isPassedOver }) => (isPassedOver ? `(${id})` : id)).join(', ') || 'nothing'} after ${event.after}${event.lagging ? ', from a replica that lags behind' : ''}`;
      case 'load':
        return `${who(event.call)} loads ${run(event.runId)}${event.found ? '' : ', which does not exist'}`;
      case 'commit':
        return describeCommit(event);
      case 'fault':
        return `${who(event.call)} ${event.port}: ${FAULTS[event.kind]}`;
      case 'enqueue':
        return `${who(event.call)} enqueues ${job(event.payload)}${event.late ? ', late' : ''}${FATES[event.fate]}`;
      case 'give-up':
        return `the runner gives up ${event.key}`;
      case 'forget':
        return `the store crashes, and has lost what it stored from event ${event.since} on`;
      case 'announce': {
        const { runId, from, to } = event.message;
        return `subscribers hear that ${run(runId)} went from ${from} to ${to}`;
      }
      case 'calm':
        return '— from here on nothing fails —';
      case 'end':
        return event.isQuiet
          ? `— everything has ended after ${event.turns} turns —`
          : `— not everything has ended after ${event.turns} turns —`;
    }
  };
}

const FAULTS = {
  failed: 'fails, without effect',
  'answer-lost': 'takes effect, but the answer is lost',
  'lands-late': 'fails, and will take effect later',
  down: 'is refused, like everything during this outage',
  'too-slow': 'takes too long',
  unreadable: 'cannot read the records of a list',
} as const;

const FATES = {
  queued: '',
  doubled: ', which is doubled',
  lost: ', which is lost',
  known: ', which is dropped because the runner knows its key',
} as const;

function data(task: TaskState): string {
  return task.state === 'data'
    ? JSON.stringify(task.value)
    : task.state === 'none'
      ? 'no data'
      : 'broken data';
}

function saved(rows: Rows): string {
  const keys = Object.keys(rows);
  return keys.length === 0 ? '' : `, and saves ${keys.join(', ')} with it`;
}
