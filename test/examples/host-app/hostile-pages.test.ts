import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { BrowserContext, Page, Route } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { seed } from '../../../examples/11-host-app/host/seed.js';
import { Refusal } from '../../../examples/11-host-app/operator/refusal.js';
import { describeWithChromium } from '../../support/servers.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { createFolder, type OwnPlace } from './support/places.js';
import {
  HIDDEN_MODEL,
  MODEL,
  requestHidden,
  requestVisible,
  type ServedPages,
  servePages,
} from './support/serve-pages.js';

const NO_TOKEN = 'This change had no valid token, so it was not made. Send it again.';
const SCRIPT = `<img src=x onerror="hacked=1"><script>hacked=1</script>'"`;

describeWithChromium('In a browser', (program) => {
  let own: OwnPlace;
  let opened: OpenDatabase;
  let served: ServedPages;
  let browser: TestBrowser;
  let context: BrowserContext;
  let page: Page;

  beforeAll(async () => {
    own = await createFolder();
    opened = await openDatabase(own.place, { fresh: true });
    await seed(opened.database, 50, () => {});
    served = await servePages(opened.database);
    browser = await startBrowser(program);
  });

  beforeEach(async () => {
    await context?.close();
    context = await browser.open();
    page = await context.newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await opened?.close();
    await own?.remove();
  });

  const rows = () => page.locator('.editor-row').count();
  const keyAt = (row: number, tab = page) => tab.getByLabel(`Key ${row}`);
  const pathAt = (row: number, tab = page) => tab.getByRole('textbox', { name: `Path ${row}` });
  const save = (tab = page) => tab.getByRole('button', { name: 'Save the model' }).click();
  const alert = (tab = page) => tab.getByRole('alert').innerText();
  const message = (tab = page) => tab.locator('#message');
  const models = () => served.options.models.list();

  async function openEditor(tab = page): Promise<void> {
    await tab.goto(served.url + MODEL);
    await tab.getByText('Saving starts no run.').waitFor();
  }

  test('a path of 10 MB is refused, and what else was typed is still there', async () => {
    const before = await models();
    await openEditor();
    const row = await rows();
    await keyAt(row).fill('long');
    await pathAt(row).fill('a'.repeat(10_000_000));
    await page
      .locator('#preview')
      .getByText(/^This form has more than 256 KB/)
      .waitFor();

    await save();
    await message()
      .getByText(/Nothing was changed/)
      .waitFor();
    expect(await models()).toEqual(before);
    expect(await keyAt(row).inputValue()).toBe('long');
  });

  test('a model that does not exist, and one that authorize refuses, have a sentence and no data', async () => {
    await page.goto(`${served.url}/models/nope`);
    expect(await alert()).toBe('There is no process model "nope".');
    await page.getByRole('link', { name: 'Go to the models' }).click();
    await page.getByRole('link', { name: 'sales/invoice' }).waitFor();
    expect(await page.getByText('staff/salary').count()).toBe(0);
    await page.goto(served.url + HIDDEN_MODEL);
    expect(await alert()).toMatch(/^You may not look at this process model/);
  });

  test('a run that authorize refuses is not shown', async () => {
    await page.goto(`${served.url}/runs/${await requestHidden(served)}`);
    expect(await alert()).toMatch(/^You may not look at this process model, its instances or its runs\.$/);
    expect(await page.getByText('hidden_key').count()).toBe(0);
  });

  test('a page of another port cannot pause a run, though the cookie goes along', async () => {
    const runId = await requestVisible(served);
    await page.goto(`${served.url}/runs/${runId}`);
    const token = await page.locator('input[name=token]').first().inputValue();
    const foreign = createServer((_, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<form method="post" action="${served.url}/runs/${runId}/pause">
        <input name="token" value="${token}"><button>Look at kittens</button></form>
        <iframe src="${served.url}/runs/${runId}"></iframe>`);
    });
    foreign.listen(0, '127.0.0.1');
    await once(foreign, 'listening');
    await page.goto(`http://127.0.0.1:${(foreign.address() as AddressInfo).port}`);
    const frame = page.frames()[1];
    expect(await frame?.getByRole('button', { name: 'Pause' }).count()).toBe(0);
    await page.getByRole('button', { name: 'Look at kittens' }).click();
    await page.getByText('This change came from another site, so it was not made.').waitFor();
    expect((await served.service.status(runId)).state).toBe('pending');
    foreign.close();
    expect(browser.complaints.splice(0)).toEqual([expect.stringContaining('frame-ancestors')]);
  });

  test('a form without its token is refused, and can be sent again', async () => {
    const before = await models();
    await openEditor();
    await keyAt(await rows()).fill('number');
    await pathAt(await rows()).fill('invoice.number');
    await page.getByRole('region', { name: 'Preview of number' }).waitFor();
    await context.clearCookies();
    await save();
    await message().getByText(NO_TOKEN).waitFor();
    expect(await models()).toEqual(before);
    expect(await pathAt(await rows()).inputValue()).toBe('invoice.number');
    await save();
    await page.getByRole('region', { name: 'Key number' }).waitFor();
  });

  test('a button of the editor that is refused leaves all rows, and works again', async () => {
    await openEditor();
    const row = await rows();
    await keyAt(row).fill('typed');
    await context.clearCookies();
    await page.getByRole('button', { name: 'Add a row' }).click();
    await message().getByText(NO_TOKEN).waitFor();
    expect(await keyAt(row).inputValue()).toBe('typed');
    await page.getByRole('button', { name: 'Add a row' }).click();
    await keyAt(row + 1).waitFor();
    expect(await message().innerText()).toBe('');
    expect(await keyAt(row).inputValue()).toBe('typed');
  });

  test('without scripts, a refused save can be sent again, and a stale editor says so', async () => {
    const plain = await browser.open({ javaScriptEnabled: false });
    const tab = await plain.newPage();
    await tab.goto(served.url + MODEL);
    const row = await tab.locator('.editor-row').count();
    await keyAt(row, tab).fill('plain');
    await pathAt(row, tab).fill('invoice.total');
    await plain.clearCookies();
    await save(tab);
    expect(await alert(tab)).toMatch(/so it was not made\. Go back and send it again\.$/);
    await tab.goBack();
    expect(await keyAt(row, tab).inputValue()).toBe('plain');

    await opened.database.query('update process_model set revision = revision + 1');
    await tab.getByRole('button', { name: 'Add a row' }).click();
    expect(await alert(tab)).toMatch(/^Somebody else has saved this model since you opened it\./);
    await save(tab);
    expect(await alert(tab)).toMatch(/^Somebody else has saved this model in between/);
    await save(tab);
    await tab.getByRole('region', { name: 'Key plain' }).waitFor();
    await plain.close();
  });

  test('a list of runs stays while its host fails, and goes on afterwards', async () => {
    await requestVisible(served);
    await page.goto(`${served.url}/runs`);
    const list = vi.spyOn(served.service, 'list').mockRejectedValue(new Refusal(503, 'It is away.'));
    await message().getByText('It is away.').waitFor();
    expect(await page.getByRole('row').count()).toBeGreaterThan(1);
    list.mockRestore();
    await message().getByText('It is away.').waitFor({ state: 'detached' });
    expect(await page.getByRole('row').count()).toBeGreaterThan(1);
  });

  test('what was typed stays while the server is away, and is saved when it is back', async () => {
    await openEditor();
    const row = await rows();
    await keyAt(row).fill('city');
    await pathAt(row).fill('customer.address.city');
    await page.getByRole('region', { name: 'Preview of city' }).waitFor();
    const port = Number(new URL(served.url).port);
    await served.close();
    const lost = page.waitForEvent('requestfailed');
    await pathAt(row).fill('invoice.total');
    await lost;
    expect(await pathAt(row).inputValue()).toBe('invoice.total');

    served = await servePages(opened.database, { port });
    await keyAt(row).fill('total');
    await page.getByRole('region', { name: 'Preview of total' }).waitFor();
    await save();
    await page.getByRole('region', { name: 'Key total' }).waitFor();
    expect((await models())[0]?.paths.at(-1)).toEqual({ key: 'total', path: 'invoice.total' });
  });

  test('the second of two tabs is told, shows both versions, and can save then', async () => {
    await openEditor();
    const second = await context.newPage();
    await openEditor(second);
    const row = await rows();
    await keyAt(row).fill('first');
    await pathAt(row).fill('invoice.number');
    await save();
    await page.getByRole('region', { name: 'Key first' }).waitFor();

    await keyAt(row, second).fill('second');
    await second.getByText('Somebody else has saved this model since you opened it.').waitFor();
    await pathAt(row, second).fill('customer.id');
    await save(second);
    await second.getByText('Somebody else has saved this model in between').waitFor();
    expect(await second.getByText(/^Saved at present: /).innerText()).toContain('first (invoice.number)');
    expect(await keyAt(row, second).inputValue()).toBe('second');
    expect((await models())[0]?.paths.map(({ key }) => key)).not.toContain('second');
    await second.getByRole('radio', { name: 'Keep them' }).check();
    await save(second);
    await second.getByRole('region', { name: 'Key second' }).waitFor();
    expect((await models())[0]?.paths.map(({ key }) => key)).toContain('second');
  });

  test.each<[string, (route: Route) => Promise<void>]>([
    ['cannot be reached', (route) => route.abort()],
    ['is starting', (route) => route.fulfill({ status: 503, body: 'The host starts.' })],
    ['is behind a proxy that wants a new login', (route) => route.fulfill({ status: 401, body: 'Sign in.' })],
  ])('a page shows its run while the host %s, and goes live afterwards', async (_, answer) => {
    const run = await requestVisible(served);
    let requests = 0;
    await page.route('**/live', async (route) => {
      requests += 1;
      await (requests <= 2 ? answer(route) : route.continue());
    });
    await page.goto(`${served.url}/runs/${run}`);
    await vi.waitUntil(() => requests >= 2, { timeout: 120_000 });
    expect(await page.locator('#run').innerText()).toContain('Waiting for a worker');

    await served.service.pause(run);
    await page.locator('#run-state').getByText('Paused', { exact: true }).waitFor();
    await served.service.cancel(run);
    await page.locator('#run-state').getByText('Cancelled', { exact: true }).waitFor();
    expect(requests).toBe(3);
  });

  test('a page whose run may not be seen any more says so, and asks no more', async () => {
    await page.goto(`${served.url}/runs/${await requestVisible(served)}`);
    const authorize = vi.spyOn(served.options, 'authorize').mockReturnValue(null);
    await page
      .locator('#run')
      .getByText(/^You may not look at this process model/)
      .waitFor();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.waitForTimeout(3_000); // longer than the pause before another attempt
    expect(asked).toEqual([]);
    authorize.mockRestore();
  });

  test('a script in a key, a reason and a value is text on every page', async () => {
    await openEditor();
    const row = await rows();
    await keyAt(row).fill(SCRIPT);
    await pathAt(row).fill('customer.id');
    await page.getByRole('region', { name: `Preview of ${SCRIPT}` }).waitFor();
    await expectNoCode();
    await page.getByLabel('Why').fill(SCRIPT);
    await save();
    await page.getByRole('heading', { name: 'Backfill' }).waitFor();
    const run = page.url();
    served.work();
    await page.locator('#run-state', { hasText: 'Completed' }).waitFor();
    await opened.database.query(
      `update task set data = jsonb_set(data::jsonb, '{customer,id}', $1)::text
      where instance_id = 1`,
      [JSON.stringify(SCRIPT)],
    );
    await opened.database.query(`update instance_metadata set value = $1 where instance_id = 1`, [
      JSON.stringify(SCRIPT),
    ]);

    const at = [
      `${MODEL}/instances?order=up`,
      `${MODEL}/instances/1`,
      `${MODEL}/columns`,
      '/models',
      '/runs',
    ];
    for (const url of [run, ...at.map((path) => served.url + path)]) {
      await page.goto(url);
      await page.getByText(SCRIPT).filter({ visible: true }).first().waitFor();
      await expectNoCode();
    }
    await page.goto(served.url + MODEL);
    expect(await keyAt(row).inputValue()).toBe(SCRIPT);
    await expectNoCode();
    await page.goto(`${served.url}${MODEL}/columns`);
    await page.getByRole('button', { name: 'Verify all columns' }).click();
    await page.getByRole('link', { name: /^Show \d+ difference/ }).click();
    await page.getByRole('heading', { name: 'Differences' }).waitFor();
    await expectNoCode();
  });

  test('no page has made the browser complain', () => {
    expect(browser.complaints).toEqual([]);
  });

  async function expectNoCode(): Promise<void> {
    expect(
      await page.evaluate(`[typeof hacked, document.querySelectorAll('img').length,
      document.querySelectorAll('script:not([src]), style, [style]').length]`),
    ).toEqual(['undefined', 0, 0]);
  }
});
