import { setTimeout } from 'node:timers/promises';
import type { JsonValue } from '../../../extraction/json-value.js';
import type { Cursor, InstanceId } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { expectEqual, notOffered } from '../expectations.js';
import { isSettled } from './several-connections.js';
import { at, pathsTo, type TestedRepository, task } from './tested-repository.js';
import { valueAt } from './value-at.js';

/** What a page shows of instances that are saved while it is read. */
export const snapshotPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'readInstances: shows no row that is newer than the task data',
    capability: 'writes during a read',
    advice:
      'read data and rows in one statement, in one transaction at REPEATABLE READ, or read the rows first. Otherwise the value of an old document replaces a row that a live instance has written since.',
    async check(host) {
      const live = await insertLive(host, host.fixture.afterStatements ? 3 : MANY);
      if (host.fixture.afterStatements === undefined) await readWhileSaving(host, live);
      else await saveAfterStatements(host, live);
    },
  },
];

/** So many instances with documents so large that a read takes longer than a save. */
const MANY = 40;
const PADDING = 'x'.repeat(20_000);

const SAVE = { key: 'save', segments: ['save'] };

/** So many reads in which a save has begun and ended. */
const ENOUGH = 30;
const MOST = 10 * ENOUGH;

function dataOf(save: number): JsonValue {
  return { padding: PADDING, save };
}

/** Instances that are saved again and again: first their task data, then their row, both with the number of the save. */
interface Live {
  readonly upTo: Cursor;
  /** Saves the next instance. */
  saveNext(): Promise<void>;
  saveAll(): Promise<void>;
}

async function insertLive(host: TestedRepository, count: number): Promise<Live> {
  const ids: InstanceId[] = [];
  let saves = 0;
  for (let n = 0; n < count; n += 1) ids.push(await host.insert({ running: true, tasks: [task(dataOf(0))] }));
  for (const id of ids) await host.setMetadata(id, 'save', 0);
  const upTo = (await host.survey()).upTo ?? '';

  async function save(id: InstanceId): Promise<void> {
    saves += 1;
    const number = saves;
    await host.fixture.addTask(id, task(dataOf(number), { endedAt: at(1 + number) }));
    await host.setMetadata(id, 'save', number);
  }
  return {
    upTo,
    saveNext: () => save(ids[saves % count] ?? ''),
    async saveAll() {
      for (const id of ids) await save(id);
    },
  };
}

/** Certain: all instances are saved after each statement of a read. */
async function saveAfterStatements(host: TestedRepository, live: Live): Promise<void> {
  const afterStatements = host.fixture.afterStatements?.bind(host.fixture);
  let [pauses, saves] = [0, 0];
  let saving: Promise<unknown> = Promise.resolve();
  afterStatements?.(async () => {
    pauses += 1;
    saving = live.saveAll();
    // A read may hold the only connection.
    if (await isSettled(saving, host.patienceMs)) saves += 1;
  });
  try {
    await expectNoNewerRow(host, live);
  } finally {
    afterStatements?.(null);
    await saving;
  }
  if (pauses === 0) notOffered('`afterStatements` of the fixture was not called during a read');
  if (saves < pauses) notOffered('a read holds the only connection');
}

/** Probable: large documents make the read take long, and saves go on all the time. */
async function readWhileSaving(host: TestedRepository, live: Live): Promise<void> {
  const until = performance.now() + host.patienceMs;
  let [tries, reads, saves, isOver] = [0, 0, 0, false];
  const saving = (async () => {
    while (!isOver) {
      await live.saveNext();
      saves += 1;
      await setTimeout(0); // a store in memory would leave nobody else a turn
    }
  })();
  try {
    for (; reads < ENOUGH && tries < MOST && performance.now() < until; tries += 1) {
      const before = saves;
      await expectNoNewerRow(host, live);
      // At least one save has begun and ended meanwhile.
      if (saves >= before + 2) reads += 1;
      await Promise.race([saving, setTimeout(0)]);
    }
  } finally {
    isOver = true;
    await saving;
  }
  if (reads < ENOUGH)
    notOffered(
      'the fixture has no `afterStatements`, and too few saves happened to begin and end during a read',
    );
}

async function expectNoNewerRow(host: TestedRepository, { upTo }: Live): Promise<void> {
  const page = await host.read({ upTo, paths: pathsTo('save') });
  const newer = page.flatMap(({ id, data, stored }) => {
    const [shown, row] = [Number(valueAt(data, SAVE)), Number(stored.get('save')?.value)];
    return row > shown ? [{ id, data: shown, row }] : [];
  });
  expectEqual('the rows that are newer than the task data shown with them', newer, []);
}
