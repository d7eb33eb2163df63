import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { seed } from '../../../examples/11-host-app/host/seed.js';
import {
  createOperatorPages,
  type OperatorPages,
} from '../../../examples/11-host-app/operator/create-operator-pages.js';
import { observeStatements } from './support/observe-statements.js';
import { createFolder, type OwnPlace } from './support/places.js';
import { createTestPages, requestVisible, type TestPages } from './support/serve-pages.js';

const ORIGIN = 'http://127.0.0.1:3000';
const WATCHERS = 10;

let own: OwnPlace;
let opened: OpenDatabase;
let host: TestPages;
let pages: OperatorPages;
let run: string;
let isAllowed = true;
let statements: string[] = [];
/** Reads of the run, each with a function that lets it through. `null`: they are not held up. */
let heldUp: (() => void)[] | null = null;

beforeAll(async () => {
  own = await createFolder();
  opened = await openDatabase(own.place, { fresh: true });
  await seed(opened.database, 5, () => {});
  host = createTestPages(
    observeStatements(opened.database, (text) => statements.push(text)),
    [ORIGIN],
  );
  const { service } = host.options;
  const status: typeof service.status = async (runId) => {
    await new Promise<void>((resolve) => (heldUp === null ? resolve() : heldUp.push(resolve)));
    return service.status(runId);
  };
  const authorize = () => (isAllowed ? { name: 'Anna' } : null);
  pages = createOperatorPages({ ...host.options, authorize, service: { ...service, status } });
  run = await requestVisible(host);
});

afterAll(async () => {
  heldUp?.forEach((letThrough) => {
    letThrough();
  });
  pages?.close();
  await host?.stop();
  await opened?.close();
  await own?.remove();
});

test('ten browsers that watch one run cost the database one reader', async () => {
  const watchers = await Promise.all(Array.from({ length: WATCHERS }, () => watch()));
  await until(() => watchers.every(({ text }) => text().includes('Waiting for a worker')));

  heldUp = [];
  await until(() => heldUp?.length === 1);
  await host.options.actions.add({ runId: run, who: 'Anna', action: 'looked on', reason: 'first' });
  statements = [];
  heldUp.shift()?.();
  await until(() => watchers.every(({ text }) => text().includes('looked on')));
  // One for the run, and one for what people did.
  expect(statements).toHaveLength(2);
  expect(statements[1]).toContain('from operator_action');

  // The next read is the only one again.
  await until(() => heldUp?.length === 1);
  for (const { stop } of watchers.slice(1)) stop();
  await host.options.actions.add({ runId: run, who: 'Anna', action: 'went on', reason: null });
  heldUp.shift()?.();
  await until(() => watchers[0]?.text().includes('went on') === true);
  watchers[0]?.stop();
});

test('a browser whose right is withdrawn is told so, and not to come back', async () => {
  heldUp?.forEach((letThrough) => {
    letThrough();
  });
  heldUp = null;
  isAllowed = true;
  const watcher = await watch();
  await until(() => watcher.text().includes('Waiting for a worker'));
  isAllowed = false;
  await watcher.ended;
  expect(watcher.text()).toMatch(/role="alert"><p>You may not look at .*event: refused\n/s);
  const again = await watch();
  await again.ended;
  expect(again.text()).toMatch(/^data: .*You may not look at .*event: refused\n/s);
  expect(again.text()).not.toContain('Waiting for a worker');
  isAllowed = true;
});

function until(isSo: () => boolean): Promise<unknown> {
  return vi.waitUntil(isSo, { timeout: 120_000 });
}

/** A browser that keeps all that it was sent. */
async function watch(): Promise<{ text(): string; stop(): void; readonly ended: Promise<void> }> {
  const ending = new AbortController();
  const address = `${ORIGIN}/operator/runs/${run}/live`;
  const { body } = await pages.fetch(
    new Request(address, { signal: ending.signal, headers: { accept: 'text/event-stream' } }),
  );
  const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  const reading = (async () => {
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined };
      if (done) return;
      text += value;
    }
  })();
  reading.catch(() => {});
  return {
    text: () => text,
    ended: reading,
    stop: () => {
      ending.abort();
      reader?.cancel().catch(() => {});
    },
  };
}
