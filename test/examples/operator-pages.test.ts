import { setTimeout } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { createOperatorPages } from '../../examples/11-host-app/operator/create-operator-pages.js';
import { pathText, percent, share } from '../../examples/11-host-app/operator/format.js';
import { explainCell } from '../../examples/11-host-app/operator/instances/explain-cell.js';
import {
  queryOf,
  readAddress,
  unknownIn,
} from '../../examples/11-host-app/operator/instances/report-query.js';
import {
  edited,
  focusAfter,
  openQuestions,
  pathsOf,
} from '../../examples/11-host-app/operator/model/path-form.js';
import type {
  ModelPort,
  ModelSave,
  NewAction,
  OperatorOptions,
  ReportRow,
  SaveResult,
  StoredModel,
} from '../../examples/11-host-app/operator/ports.js';
import { createRunWatch, type LiveRun } from '../../examples/11-host-app/operator/runs/watch-runs.js';
import {
  createBackfillService,
  diffExtractionPaths,
  type RequestResult,
  type RunStatus,
  type RunSummary,
} from '../../src/index.js';
import { createInProcessQueue, createMemoryRepository } from '../../src/memory/index.js';
import { instance } from '../support/instances.js';
import { intercept } from '../support/intercept.js';
import { testRuntime } from '../support/test-runtime.js';

const ORIGIN = 'http://127.0.0.1:3000';
const MODEL = 'sales/invoice';
const SAVED: SaveResult = { status: 'saved', request: null };
const TRIGGERED: RequestResult & { readonly status: 'triggered' } = {
  status: 'triggered',
  runId: 'new',
  processModelId: MODEL,
  created: true,
  keys: [],
  covered: true,
  state: 'pending',
  startAfter: null,
  diff: null,
};

type Texts = Readonly<Record<string, string>>;
/** A list is a field that is there several times. */
type Fields = Readonly<Record<string, string | readonly string[]>>;

test('a row of the editor is added, removed, and takes over a suggestion with colons and dots', () => {
  const rows = [
    { key: 'a', path: 'x' },
    { key: 'b', path: 'y' },
  ];
  expect(edited(rows, 'add')).toEqual([...rows, { key: '', path: '' }]);
  expect(edited(rows, 'remove:0')).toEqual([{ key: 'b', path: 'y' }]);
  expect(edited(rows, 'use:1:c["d:e.f"]')).toEqual([rows[0], { key: 'b', path: 'c["d:e.f"]' }]);
  expect(edited(rows, 'nonsense')).toEqual(rows);
  expect(focusAfter('remove:1', [{ key: 'a', path: 'x' }])).toBe('key-0');
});

test('a path that the model has as a list of segments stays one, and blank rows do not count', () => {
  const stored = [{ key: 'mail', path: ['customer', 'e.mail'] }];
  const rows = [
    { key: 'mail', path: pathText(['customer', 'e.mail']) },
    { key: ' ', path: '' },
    { key: 'n', path: 'invoice.number' },
  ];
  expect(pathsOf(rows, stored)).toEqual([...stored, { key: 'n', path: 'invoice.number' }]);
});

test('the text of a path is read back as the same path', () => {
  for (const path of [
    ['a', '0', 'b'],
    ['customer', 'e.mail'],
    ['0', 'x y'],
    ['b"c'],
    ['a[', ''],
    ['_1', 'ü'],
  ]) {
    const text = pathText(path);
    const read = (path: string | string[]) => [{ key: 'k', path }];
    try {
      expect(diffExtractionPaths(read(path), read(text)).unchanged).toHaveLength(1);
    } catch (error) {
      expect(String(error)).toContain('Invalid extraction paths'); // some segments cannot be written as a text
    }
  }
});

test('a save asks about removed and changed keys, and about nothing else', () => {
  const before = [
    { key: 'a', path: 'x' },
    { key: 'b', path: 'y' },
  ];
  const form = { revision: 1, rows: [], removed: null, changed: null, reason: '' };
  const diff = diffExtractionPaths(before, [{ key: 'a', path: 'z' }]);
  expect(openQuestions(diff, form)).toHaveLength(2);
  expect(openQuestions(diff, { ...form, removed: 'keep', changed: 'recompute' })).toEqual([]);
  expect(openQuestions(diffExtractionPaths(before, before), form)).toEqual([]);
});

test('a percentage says 0 or 100 only if that is exactly so', () => {
  expect([0, 0.001, 0.5, 0.999, 1].map(percent)).toEqual(['0 %', 'under 1 %', '50 %', 'over 99 %', '100 %']);
  expect(share({ count: 1, rate: 0.5, low: 0.412, high: 0.588 })).toBe('50 % (41 to 59 %)');
});

test('the address of a report is read and written the same, and what it does not know is left out', () => {
  const read = (query: string) => readAddress(new URLSearchParams(query), ['city'], ['running']);
  const address = read('?status=running&key=city&is=equal&value=L%27Aquila&sort=city&order=down');
  expect(address).toEqual({
    status: 'running',
    filter: { key: 'city', is: 'equal', value: "L'Aquila" },
    sort: 'city',
    descending: true,
    after: null,
  });
  expect(read(queryOf(address, { after: '[1,2]' }))).toEqual({ ...address, after: '[1,2]' });
  expect(read('?status=drop&key=secret&is=empty&sort=secret')).toEqual({
    status: null,
    filter: null,
    sort: null,
    descending: true,
    after: null,
  });
});

test('the report says what its address asks for in vain', () => {
  const unknown = (query: string) => unknownIn(new URLSearchParams(query), ['city'], ['running']);
  expect(unknown('?status=running&key=city&sort=city')).toEqual([]);
  expect(unknown('?status=&key=')).toEqual([]);
  expect(unknown('?status=gone&key=removed&sort=removed')).toEqual([
    'This model has no column removed, so it does not filter or sort these instances.',
    'There is no status gone, so it does not filter these instances.',
  ]);
});

test('an empty cell says why it is empty', () => {
  const row: ReportRow = {
    id: 7,
    status: 'completed',
    startedAt: 0,
    isRunning: false,
    hasCompletedTask: true,
    cells: {},
  };
  const column = { key: 'city', path: 'city', facts: null };
  const text = (change: Partial<ReportRow>) => explainCell({ ...row, ...change }, column, []).text;
  expect(text({ hasCompletedTask: false })).toBe('No task has completed yet');
  expect(text({ isRunning: true })).toBe('Still running: a later save decides');
  expect(text({})).toBe('Not saved since the column was added, and no run fills it');
  const save = { value: null, source: 'save', writtenAt: 1 } as const;
  expect(text({ cells: { city: save } })).toBe('A save of the instance found nothing at the path');
  expect(text({ cells: { city: { ...save, source: 'backfill' } } })).toBe('An older run found nothing there');
});

test('ten readers of one run share one loop, which ends with the last of them', async () => {
  let reads = 0;
  const watch = createRunWatch(async () => {
    reads += 1;
    return { status: { state: 'running' } as RunStatus, actions: [] } satisfies LiveRun;
  });
  const ending = new AbortController();
  const readers = Array.from({ length: 10 }, async () => {
    let seen = 0;
    for await (const _ of watch.follow('run', ending.signal)) {
      seen += 1;
      if (seen === 2) break;
    }
    return seen;
  });
  expect(await Promise.all(readers)).toEqual(Array(10).fill(2));
  expect(reads).toBeLessThan(10);
  const atTheEnd = reads;
  await setTimeout(1_500); // longer than the pause of a loop
  expect(reads).toBe(atTheEnd);
  watch.close();
});

test('a watch logs the first of the failures in a row, and goes on', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
  let reads = 0;
  const watch = createRunWatch(async () => {
    reads += 1;
    if (reads <= 2) throw new Error('The database is away.');
    return { status: { state: 'running' } as RunStatus, actions: [] };
  });
  for await (const { status } of watch.follow('run', new AbortController().signal)) {
    expect(status.state).toBe('running');
    break;
  }
  expect(reads).toBe(3);
  expect(logged).toHaveBeenCalledOnce();
  logged.mockRestore();
  watch.close();
});

interface PagesSettings extends Partial<Omit<OperatorOptions, 'service'>> {
  readonly service?: Partial<OperatorOptions['service']>;
  readonly saved?: SaveResult;
}

/** Pages over one model in memory, and a browser that has a token. */
async function openPages({ service, saved = SAVED, ...options }: PagesSettings = {}) {
  const saves: ModelSave[] = [];
  const model: StoredModel = { id: MODEL, revision: 3, paths: [{ key: '<b>bold</b>', path: 'a' }] };
  const models: ModelPort = {
    list: async () => [model],
    find: async (id) => (id === model.id ? model : null),
    async save(save) {
      saves.push(save);
      return saved;
    },
  };
  const pages = createOperatorPages({
    service: {
      ...createBackfillService({
        repository: createMemoryRepository({ instances: [] }),
        queue: createInProcessQueue(),
      }),
      ...service,
    },
    models,
    instances: {
      statuses: [],
      maxComparedLength: 200,
      page: async () => ({ rows: [], next: null }),
      find: async () => null,
    },
    actions: { add: async () => {}, list: async () => [] },
    authorize: () => ({ name: 'Anna' }),
    basePath: '/operator',
    origins: [ORIGIN],
    ...options,
  });
  const at = (path: string) => `${ORIGIN}/operator${path}`;
  const first = await pages.fetch(new Request(at('/models')));
  const [cookie = ''] = (first.headers.get('set-cookie') ?? '').split(';');
  const token = cookie.split('=')[1] ?? '';
  const send = (path: string, fields: Fields = {}, headers: Texts = {}) =>
    pages.fetch(
      new Request(at(path), {
        method: 'POST',
        headers: { cookie, origin: ORIGIN, ...headers },
        body: new URLSearchParams(
          Object.entries({ token, ...fields }).flatMap(([name, values]) =>
            [values].flat().map((value): [string, string] => [name, value]),
          ),
        ),
      }),
    );
  const post = (fields: Texts, headers: Texts = {}) =>
    send(
      '/models/sales%2Finvoice/save',
      { revision: '3', key: '<b>bold</b>', path: 'a', ...fields },
      headers,
    );
  return { pages, at, first, saves, send, post };
}

test('a save from another site, without a token or with a foreign one is refused in a sentence', async () => {
  const { saves, post } = await openPages();
  for (const response of [
    await post({}, { origin: 'https://evil.example' }),
    await post({}, { 'sec-fetch-site': 'cross-site' }),
    await post({}, { cookie: '' }),
    await post({ token: '' }),
    await post({ token: 'x'.repeat(32) }),
  ]) {
    expect(response.status).toBe(403);
    expect(await response.text()).toContain('it was not made');
  }
  expect(saves).toEqual([]);
  expect((await post({})).status).toBe(303);
  expect(saves).toHaveLength(1);
});

/** A verification that has ended, and has read the only key of the model at `path`. */
function verified(path: string): RunStatus {
  const paths = [{ key: '<b>bold</b>', path: [path], mode: 'fill' }];
  const run = { runId: 'old', processModelId: MODEL, state: 'completed', failed: 0, missing: 'null', paths };
  return { ...run, dryRun: true, verdict: 'different' } as unknown as RunStatus;
}

test('differences are repaired only while the model reads the paths that were verified', async () => {
  const request = vi.fn(async () => TRIGGERED);
  const same = await openPages({ service: { status: async () => verified('a'), request } });
  expect((await same.send('/runs/old/repair')).headers.get('location')).toBe('/operator/runs/new');
  expect(request).toHaveBeenCalledOnce();
  const other = await openPages({ service: { status: async () => verified('b'), request } });
  const refused = await other.send('/runs/old/repair');
  expect(refused.status).toBe(409);
  expect(await refused.text()).toContain('from the verified path, so nothing was repaired.');
  expect(request).toHaveBeenCalledOnce();
});

test('a preview says how many values a save writes and how long it takes, of the keys that its run fills', async () => {
  const runtime = testRuntime();
  const instances = Array.from({ length: 20 }, (_, index) =>
    instance(index, { b: 'new', n: index }, { processModelId: MODEL, metadata: { '<b>bold</b>': 'old' } }),
  );
  const repository = intercept(createMemoryRepository({ instances }), async ({ argument, proceed }) => {
    // Each path of a page takes 6 seconds.
    const { paths = [] } = argument as { readonly paths?: readonly unknown[] };
    await runtime.sleep(6_000 * paths.length);
    return proceed();
  });
  const { preview } = createBackfillService({
    repository,
    queue: createInProcessQueue(),
    runtime,
    batchSize: 1,
  });
  const { send } = await openPages({ service: { preview } });
  const saving = async (answers: Fields) => {
    const rows = { key: ['<b>bold</b>', 'number'], path: ['b', 'n'] };
    const response = await send(`/models/sales%2Finvoice/preview`, { revision: '3', ...rows, ...answers });
    return /role="status">([^<]*)</.exec(await response.text())?.[1];
  };

  const kept =
    'Saving starts a run over 20 instances: it fills 1 key. It writes about 20 values, in 2 min to 4 min.';
  expect(await saving({})).toBe(kept);
  expect(await saving({ changed: 'keep' })).toBe(kept);
  expect(await saving({ changed: 'recompute' })).toBe(
    'Saving starts a run over 20 instances: it fills 1 key, recomputes 1 key. It writes about 40 values, in 4 min to 10 min.',
  );
  expect(await saving({ changed: 'keep', key: '<b>bold</b>', path: 'b' })).toBe('Saving starts no run.');
});

test('what was done is done, even if the log of it fails', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
  const failing = { add: () => Promise.reject(new Error('The disk is full.')), list: async () => [] };
  const { send } = await openPages({
    actions: failing,
    service: { status: async () => verified('a'), request: async () => TRIGGERED },
  });
  expect((await send('/runs/old/repair')).status).toBe(303);
  expect(logged).toHaveBeenCalledWith(new Error('The disk is full.'));
  logged.mockRestore();
});

test('the log has the same reason as the run, and a request that was there is logged as such', async () => {
  const logged: NewAction[] = [];
  const { post, saves } = await openPages({
    saved: { status: 'saved', request: { ...TRIGGERED, created: false } },
    actions: { add: async (action) => void logged.push(action), list: async () => [] },
  });
  await post({ reason: 'x'.repeat(300) });
  expect(saves[0]?.reason).toBe('x'.repeat(200));
  expect(logged).toEqual([
    { runId: 'new', who: 'Anna', action: 'requested the same again', reason: 'x'.repeat(200) },
  ]);
});

test('a retry that could not take all failures says so', async () => {
  const status = async () => ({ ...verified('a'), dryRun: false, failed: 10_001 });
  const retryFailed = async () => ({ ...TRIGGERED, left: true });
  const { send } = await openPages({ service: { status, retryFailed } });
  expect((await send('/runs/old/retry')).headers.get('location')).toBe('/operator/runs/new?failures=left');
});

test('a proxy may end TLS: the name of the host counts, and browsers send the cookie by TLS only', async () => {
  const { pages, first, send } = await openPages({ origins: ['https://host.example'] });
  expect(first.status).toBe(421); // it was for another name
  const page = await pages.fetch(new Request('http://host.example/operator/models'));
  expect(page.status).toBe(200);
  expect(page.headers.get('set-cookie')).toMatch(/; Secure; SameSite=Lax$/);
  expect((await send('/runs/old/pause')).status).toBe(421);
});

test('a list of runs that one may not see asks once per model, and stops after some of them', async () => {
  const asked = vi.fn(() => null);
  const hidden = Array.from({ length: 21 }, (_, index) => ({
    runId: `run-${index}`,
    processModelId: 'secret',
  }));
  const list = vi.fn(async () => hidden as unknown as RunSummary[]);
  const { pages, at } = await openPages({ authorize: asked, service: { list } });
  asked.mockClear();
  const text = await (await pages.fetch(new Request(at('/runs')))).text();
  expect(text).toContain('You may look at none of the newest runs here.');
  expect(text).toContain('href="/operator/runs?before=run-20"');
  expect(asked).toHaveBeenCalledOnce();
  expect(list).toHaveBeenCalledTimes(5);
});

test('a list of runs says why one of them waits, and a column that it is being verified', async () => {
  const service = createBackfillService({
    repository: createMemoryRepository({ instances: [] }),
    queue: { enqueue: async () => {} },
  });
  const { pages, at } = await openPages({ service });
  const paths = [{ key: '<b>bold</b>', path: 'a' }];
  const startAfter = new Date(Date.now() + 3_600_000);
  await service.request({ processModelId: MODEL, paths, startAfter });
  await service.verify({ processModelId: MODEL, paths });
  const textOf = async (path: string) => (await pages.fetch(new Request(at(path)))).text();
  expect(await textOf('/runs')).toContain('It was requested to start later: it waits until');
  expect(await textOf('/models/sales%2Finvoice/columns')).toContain('Being verified');
});

test('a report says which instances it leaves out', async () => {
  const { pages, at } = await openPages();
  const get = async (query: Texts) => {
    const search = new URLSearchParams(query);
    return (await pages.fetch(new Request(at(`/models/sales%2Finvoice/instances?${search}`)))).text();
  };
  const key = '<b>bold</b>';
  expect(await get({})).not.toContain('200 characters');
  expect(await get({ sort: key })).toContain('or with one of more than 200 characters, are left out.');
  expect(await get({ key, is: 'equal', value: 'a' })).toContain(
    'does not find values of more than 200 characters',
  );
});
