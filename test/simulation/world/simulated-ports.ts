import type { BackfillQueue } from '../../../src/ports/queue.js';

import type {
  BackfillRepository,
  InstanceWrites,
  SettledAnswer,
  SplitQuery,
} from '../../../src/ports/repository.js';
import { NEWER, newerQueue, ofNewerVersion } from './newer-version.js';

import { PROVING_CODES } from './poison.js';
import type { Scene } from './scene.js';
import type { Owner, Pending } from './schedule.js';
import { databaseError } from './simulated-store.js';
import type { HostTransaction } from './stored-records.js';

export interface SimulatedPorts {
  readonly repository: BackfillRepository<HostTransaction, number>;
  readonly queue: BackfillQueue<HostTransaction>;
}

/** A call of a port that has no answer yet. It may still reach its port after its process has crashed. */
export interface Sent extends Pending {
  landLate?(): void;
}

interface Effect<Answer> {
  readonly port: string;
  /** @param late whether the caller no longer waits for the answer */
  take(late: boolean): Answer;
  /** Whether it changes anything. Only then can its outcome be unknown. */
  readonly isChange?: boolean;
  /** Of a commit. */
  readonly instances?: readonly InstanceWrites<number>[];
  readonly takesMs?: number;
  /** How long the answer takes after that. */
  readonly answersMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * The ports of one process. A call takes effect when the schedule lets it happen. It may fail before that, its answer may
 * be lost after that, and a change may take effect after it has failed for its caller.
 */
export function portsOf(scene: Scene, process: PortUser): SimulatedPorts {
  const own = ownPorts(scene, process);
  if (scene.world.older === 0) return own;
  const newer = { repository: ofNewerVersion(own.repository), queue: newerQueue(own.queue) };
  return {
    get repository() {
      return process.format === NEWER ? newer.repository : own.repository;
    },
    get queue() {
      return process.format === NEWER ? newer.queue : own.queue;
    },
  };
}

interface PortUser {
  readonly owner: Owner;
  readonly call: number;
  /** The newest format that it can read. */
  readonly format: number;
  crash(): void;
}

function ownPorts(scene: Scene, process: PortUser): SimulatedPorts {
  const { world, choices, schedule, store } = scene;
  let laggingPages = 0;

  function send<Answer>({
    port,
    take,
    isChange = false,
    instances = [],
    takesMs = 0,
    answersMs = 0,
    signal,
  }: Effect<Answer>): Promise<Answer> {
    const { call, owner } = process;
    return new Promise((resolve, reject) => {
      const fail = (error: Error): void => reject(error);
      const landLate = (): void => landLater(scene, () => take(true));
      const sent: Sent = {
        owner,
        dueAt: schedule.now + takesMs,
        ...(isChange ? { landLate } : {}),
        happen() {
          if (signal?.aborted === true && choices.chance(500)) return reject(signal.reason);
          const outage = scene.outages.answer(
            port,
            instances.some(({ values }) => values.length > 0),
          );
          if (outage !== null) {
            const [only, ...others] = instances;
            const isAlone = only !== undefined && only.values.length > 0 && others.length === 0;
            const isProof = PROVING_CODES.includes(world.outageCode);
            const alone = isAlone
              ? { alone: { id: only.id, keys: only.values.map(({ key }) => key), isProof } }
              : {};
            scene.record({ type: 'fault', call, port, kind: 'down', ...alone });
            return fail(outage);
          }
          const isDown = port === 'enqueue' && scene.broker.isDown();
          const fate = scene.isCalm ? 'answered' : isDown ? 'failed' : fateOf(isChange);
          if (fate === 'failed' || fate === 'answer-lost' || fate === 'lands-late') {
            scene.record({ type: 'fault', call, port, kind: fate });
          }
          // An error of a commit always has a code. Without one it could be blamed on an instance.
          const isCoded = port === 'commit' || choices.chance(500);
          if (fate === 'failed') return fail(failure(isCoded, `${port}: deadlock`));
          if (fate === 'lands-late') {
            landLate();
            return fail(databaseError('ECONNRESET', `${port}: connection lost`));
          }
          let answer: Answer;
          try {
            answer = take(false);
          } catch (error) {
            return reject(error);
          }
          if (fate === 'answer-lost') return fail(databaseError('ECONNRESET', `${port}: connection lost`));
          if (fate === 'answered' && answersMs === 0) return resolve(answer);
          const lateMs = fate === 'answered' ? 0 : 10 + choices.pick(60);
          schedule.add({
            owner,
            dueAt: schedule.now + answersMs + lateMs,
            happen: () => resolve(answer),
          });
        },
      };
      schedule.add(sent);
    });
  }

  function fateOf(isChange: boolean): 'answered' | 'late-answer' | 'failed' | 'answer-lost' | 'lands-late' {
    const { lateAnswer, failed, answerLost, landsLate } = world.faults;
    const weights = [1000, lateAnswer, failed, ...(isChange ? [answerLost, landsLate] : [])];
    return FATES[choices.weighted(weights)] ?? 'answered';
  }

  /** How many instances of a page a lagging replica has. Never three times in a row: then the host would have to act. */
  function pageOf(limit: number): number | null {
    const isLagging = !scene.isCalm && laggingPages < 2 && choices.chance(world.faults.lagging);
    laggingPages = isLagging ? laggingPages + 1 : 0;
    return isLagging ? choices.pick(limit) : null;
  }

  function splitInstances(query: SplitQuery<number>): Promise<readonly number[]> {
    return send({ port: 'splitInstances', signal: query.signal, take: () => store.split(query) });
  }

  function unreadable(call: number): Promise<never> {
    const take = (): never => {
      scene.record({ type: 'fault', call, port: 'loadRun', kind: 'unreadable' });
      throw databaseError('58030', 'loadRun: could not read a block');
    };
    return send({ port: 'loadRun', take });
  }

  const settled = (mark: string | null): Promise<SettledAnswer> =>
    send({ port: 'settled', take: () => store.settled(mark) });

  return {
    repository: {
      transactional: true,
      deletes: true,
      ...(world.store.settles ? { settled } : {}),
      ...(world.store.storesNull ? {} : { storesNull: false }),
      surveyInstances(query) {
        const { call } = process;
        const take = () => store.survey(call, query);
        return send({ port: 'surveyInstances', signal: query.signal, answersMs: world.surveyMs, take });
      },
      ...(world.splits ? { splitInstances } : {}),
      readInstances(query) {
        const { call } = process;
        if (world.isDeadly && !scene.isCalm) {
          process.crash();
          return new Promise(() => {});
        }
        const take = () => store.read(call, query, () => pageOf(query.limit));
        return send({ port: 'readInstances', signal: query.signal, takesMs: world.readMs, take });
      },
      commit(commit, { transaction } = {}) {
        const { call } = process;
        const isChange = transaction === undefined;
        const take = (late: boolean) => {
          scene.live.beforeCommit(commit.instances);
          return store.commit(call, commit, { late, transaction });
        };
        const { instances } = commit;
        return send({ port: 'commit', isChange, instances, takesMs: world.commitMs, take });
      },
      loadRun(runId, { transaction } = {}) {
        const { call } = process;
        const { areListsUnreadable, slowLoads, longestLoadMs } = world.looks;
        if (areListsUnreadable && !scene.isCalm && isListId(runId)) return unreadable(call);
        const answersMs = !scene.isCalm && choices.chance(slowLoads) ? choices.pick(longestLoadMs) : 0;
        return send({ port: 'loadRun', answersMs, take: () => store.load(call, runId, transaction) });
      },
      findRuns: (filter, { transaction } = {}) =>
        send({ port: 'findRuns', take: () => store.find(filter, transaction) }),
    },
    queue: {
      transactional: true,
      enqueue(job, { startAfter, transaction } = {}) {
        const { call } = process;
        const enqueue = (late: boolean) => scene.broker.enqueue(call, job, { startAfter, late });
        const take = (late: boolean) => {
          if (transaction?.coversJobs === true) transaction.jobs.push(() => enqueue(false));
          else enqueue(late);
        };
        return send({ port: 'enqueue', isChange: transaction === undefined, take });
      },
    },
  };
}

function failure(isCoded: boolean, message: string): Error {
  return isCoded ? databaseError('40001', message) : new Error(message);
}

/** Of the records that list failures or differences. */
function isListId(runId: string): boolean {
  return /_[a-z]\d+_\d+$/.test(runId);
}

const FATES = ['answered', 'late-answer', 'failed', 'answer-lost', 'lands-late'] as const;

/** Lets a change take effect some time later, even if the process of the call has crashed. */
function landLater({ schedule, choices, network }: Scene, take: () => void): void {
  schedule.add({
    owner: network,
    dueAt: schedule.now + choices.oneOf([0, 30, 200]) + choices.pick(8) * 10,
    happen() {
      try {
        take();
      } catch {
        // Nobody waits for the answer.
      }
    },
  });
}
