import { setTimeout } from 'node:timers/promises';
import {
  type BackfillQueue,
  type BackfillRepository,
  type FormattedValue,
  type JsonValue,
  runBackfill,
} from 'process-metadata-backfill';
import { createInProcessQueue, createMemoryRepository } from 'process-metadata-backfill/memory';
import { type PageFault, type PortCall, withFaults } from 'process-metadata-backfill/testing';
import { describe, expect, test } from 'vitest';
import { invoices, MODEL, PATHS } from '../support/instances.js';
import { testRuntime } from '../support/test-runtime.js';

const { signal } = new AbortController();
const ALL = { processModelId: MODEL, instanceIds: null, after: null, signal };
const survey = { ...ALL, limit: null };
const page = { ...ALL, upTo: 6, limit: 6, paths: [] };
const memory = () => createMemoryRepository({ instances: invoices(6) });
const job = {
  name: 'backfill_metadata',
  key: 'run_0_1',
  payload: { runId: 'run', shard: 0, step: 1 },
} as const;
const record = {
  id: 'run',
  runId: 'run',
  processModelId: MODEL,
  revision: 'first',
  activeKey: null,
  content: {},
};
const creation = {
  processModelId: MODEL,
  expected: [{ id: 'run', revision: null }],
  instances: [],
  next: () => [record],
};

describe('withFaults', () => {
  test.each<[plan: unknown, message: RegExp]>([
    [
      [{ on: 'comit', fault: 'hang' }],
      /withFaults plan\[0\]:\n- on: expected 'surveyInstances' or .*, got "comit"$/,
    ],
    [
      [{ on: 'commit', fault: 'explode' }],
      /fault: expected 'fail-before' or 'fail-after' or .*, got "explode"$/,
    ],
    [[{ on: 'commit', fault: 'hang', nth: 0 }], /nth: expected a whole number of at least 1, got 0$/],
    [[{ on: 'commit', fault: 'delay' }], /ms: expected milliseconds, got nothing$/],
    [[{ on: 'commit', fault: 'hang', nht: 1 }], /nht: unknown name; did you mean nth\?$/],
    [undefined, /withFaults plan: expected a function or a list of { on, fault }, got nothing$/],
  ])('refuses the plan %j', (plan, message) => {
    expect(() => withFaults(memory(), plan as never)).toThrow(message);
  });

  test('fails before: the call has no effect, and its error is transient by default', async () => {
    const repository = memory();
    const faulty = withFaults(repository, [
      { on: 'commit', nth: 1, fault: 'fail-before' },
      { on: 'commit', nth: 2, fault: 'fail-before', error: new Error('mine') },
    ]);

    await expect(faulty.commit(creation)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await expect(faulty.commit(creation)).rejects.toThrow('mine');
    expect(await repository.loadRun('run')).toEqual([]);
    expect(await faulty.commit(creation)).toEqual({ status: 'committed' });
  });

  test('fails after: the call took effect', async () => {
    const repository = memory();
    const faulty = withFaults(repository, [{ on: 'commit', fault: 'fail-after' }]);

    await expect(faulty.commit(creation)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await repository.loadRun('run')).toEqual([record]);
  });

  test('hangs until it is released, and then takes effect', async () => {
    const repository = memory();
    let release = () => {};
    const until = new Promise<void>((resolve) => {
      release = resolve;
    });
    const faulty = withFaults(repository, [{ on: 'commit', fault: 'hang', until }]);

    const commit = faulty.commit(creation);
    await setTimeout(5);
    expect(await repository.loadRun('run')).toEqual([]);
    release();
    expect(await commit).toEqual({ status: 'committed' });
  });

  test('hangs until a read is aborted', async () => {
    const faulty = withFaults(memory(), [{ on: 'readInstances', fault: 'hang' }]);
    const controller = new AbortController();

    const reading = faulty.readInstances({ ...page, signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(reading).rejects.toThrow('enough');
  });

  test('delays a call', async () => {
    const queue = createInProcessQueue();
    const delivered: unknown[] = [];
    queue.work(async (payload) => void delivered.push(payload));
    const enqueuing = withFaults(queue, [{ on: 'enqueue', fault: 'delay', ms: 20 }]).enqueue(job);

    await setTimeout(1);
    expect(delivered).toEqual([]);
    await enqueuing;
    await queue.idle();
    expect(delivered).toEqual([job.payload]);
  });

  test.each([
    ['crash-before', []],
    ['crash-after', [record]],
  ] as const)('on %s, nothing ever settles again', async (fault, stored) => {
    const repository = memory();
    const happened: string[] = [];
    const faulty = withFaults(repository, [{ on: 'commit', fault, onCrash: () => happened.push('crash') }]);

    faulty.commit(creation).finally(() => happened.push('commit has settled'));
    await setTimeout(5);
    faulty.loadRun('run').finally(() => happened.push('loadRun has settled'));
    await setTimeout(5);

    expect(happened).toEqual(['crash']);
    expect(await repository.loadRun('run')).toEqual(stored);
  });

  test.each<[PageFault, number[]]>([
    ['empty-page', []],
    ['short-page', [4, 5]],
    ['repeating-page', [4, 4, 5]],
    ['unordered-page', [6, 5, 4]],
    ['backward-page', [1, 2, 3]],
  ])('spoils a page: %s', async (fault, ids) => {
    const faulty = withFaults(memory(), [{ on: 'readInstances', fault }]);

    const found = await faulty.readInstances({ ...page, after: 3, limit: 3 });
    expect(found.map(({ cursor }) => cursor)).toEqual(ids);
  });

  test('refuses a page fault for a method that returns no page', async () => {
    const faulty = withFaults(memory(), () => ({ fault: 'empty-page' }));

    await expect(faulty.loadRun('run')).rejects.toThrow(
      'empty-page is a fault of readInstances, not of loadRun',
    );
  });

  test('takes the first entry that fits, and counts the calls of each method', async () => {
    const faulty = withFaults(memory(), [
      { on: 'surveyInstances', nth: 2, fault: 'fail-before', error: new Error('second') },
      { on: 'surveyInstances', nth: 2, fault: 'fail-before', error: new Error('never') },
    ]);

    await faulty.loadRun('run');
    await expect(faulty.surveyInstances(survey)).resolves.toMatchObject({ total: 6 });
    await expect(faulty.surveyInstances(survey)).rejects.toThrow('second');
    await expect(faulty.surveyInstances(survey)).resolves.toMatchObject({ total: 6 });
  });

  test('asks a function about each call', async () => {
    const calls: PortCall[] = [];
    const faulty = withFaults(memory(), (call) => {
      calls.push(call);
      return call.method === 'loadRun' && call.argument === 'bad' ? { fault: 'fail-before' } : null;
    });

    await faulty.loadRun('good');
    await expect(faulty.loadRun('bad')).rejects.toThrow('planned fault');
    await faulty.surveyInstances(survey);
    expect(calls).toEqual([
      { method: 'loadRun', nth: 1, argument: 'good' },
      { method: 'loadRun', nth: 2, argument: 'bad' },
      { method: 'surveyInstances', nth: 1, argument: survey },
    ]);
  });

  test('keeps every other member of a port: of a class, private, getters, frozen', async () => {
    const repository: BackfillRepository = Object.freeze(new TextRepository());
    const faulty = withFaults(repository, [{ on: 'findRuns', fault: 'fail-before' }]);

    expect(faulty.formatValue?.(5)).toEqual({ text: '<5>', truncated: false });
    expect(faulty.storesNull).toBe(false);
    expect(faulty.transactional).toBeUndefined();
    expect('compareCursors' in faulty).toBe(false);
    expect('formatValue' in faulty).toBe(true);
    expect(faulty).toBeInstanceOf(TextRepository);
    expect(await faulty.surveyInstances(survey)).toEqual({ total: 7, upTo: 7 });
    const spread = { ...withFaults(memory(), [{ on: 'commit', fault: 'fail-after' }]) };
    await expect(spread.commit(creation)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(spread.metadata(1)).toEqual({});
  });

  test('passes on options such as a transaction', async () => {
    const transactions: unknown[] = [];
    const queue: BackfillQueue<string> = {
      transactional: true,
      enqueue: async (_, options) => void transactions.push(options?.transaction),
    };
    const faulty = withFaults(queue, [{ on: 'enqueue', fault: 'delay', ms: 1 }]);

    await faulty.enqueue(job, { transaction: 'the host’s' });
    expect(transactions).toEqual(['the host’s']);
    expect(faulty.transactional).toBe(true);
  });
});

test('a run survives these faults and has the same result', async () => {
  const repository = createMemoryRepository({ instances: invoices(60) });
  const faulty = withFaults(repository, ({ method, nth }) => {
    if (method === 'readInstances' && nth % 4 === 0) return { fault: 'empty-page' };
    if (method === 'readInstances' && nth % 4 === 2) return { fault: 'short-page' };
    if (nth % 3 === 1) return { fault: nth % 2 === 0 ? 'fail-before' : 'fail-after' };
    return null;
  });

  const report = await runBackfill({
    repository: faulty,
    processModelId: MODEL,
    paths: PATHS,
    batchSize: 7,
    runtime: testRuntime(),
  });

  expect(report).toMatchObject({ state: 'completed', total: 60, processed: 60, updated: 60 });
  expect(repository.metadata(60)).toEqual({ invoice_number: 'INV-60' });
});

/** A repository as a host may write it. */
class TextRepository implements BackfillRepository {
  readonly #total: number = 7;

  get storesNull(): boolean {
    return this.#total === 0;
  }

  formatValue(value: JsonValue): FormattedValue {
    return { text: `<${this.#total === 7 ? value : ''}>`, truncated: false };
  }

  surveyInstances = async () => ({ total: this.#total, upTo: this.#total });
  readInstances = async () => [];
  commit = async () => ({ status: 'committed' }) as const;
  loadRun = async () => [];
  async findRuns() {
    return [];
  }
}
