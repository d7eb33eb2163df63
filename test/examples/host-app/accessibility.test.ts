import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { INVOICES, seed } from '../../../examples/11-host-app/host/seed.js';
import { describeWithChromium } from '../../support/servers.js';
import { objectionsTo } from './support/accessibility.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { focusedName, tabTo } from './support/keyboard.js';
import { createFolder, type OwnPlace } from './support/places.js';
import { MODEL, requestVisible, type ServedPages, servePages } from './support/serve-pages.js';

async function rightEdge(cell: Locator): Promise<number> {
  const box = await cell.boundingBox();
  if (box === null) throw new Error('a cell is not shown');
  return box.x + box.width;
}

describeWithChromium('The pages of the host application', (program) => {
  let own: OwnPlace;
  let opened: OpenDatabase;
  let served: ServedPages;
  let browser: TestBrowser;
  let page: Page;
  let runs: Readonly<Record<'paused' | 'failed' | 'different', string>>;

  /** Instance 42 fails. */
  beforeAll(async () => {
    own = await createFolder();
    opened = await openDatabase(own.place, { fresh: true });
    await seed(opened.database, 50, () => {});
    served = await servePages(opened.database);
    runs = await createRuns();
    browser = await startBrowser(program);
    page = await (await browser.open()).newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await opened?.close();
    await own?.remove();
  });

  async function createRuns(): Promise<typeof runs> {
    const { service } = served;
    const paths = [
      { key: 'customer_id', path: 'customer.id' },
      { key: 'city', path: 'customer.address.city' },
      { key: 'email', path: 'customer.email' },
    ];
    await opened.database.query('update process_model set paths = $1', [JSON.stringify(paths)]);
    const total = [{ key: 'total', path: 'invoice.total' }];
    const paused = await service.request({ processModelId: INVOICES, paths: total, requestedBy: 'Anna' });
    if (paused.status === 'triggered')
      await service.pause(paused.runId, { requestedBy: 'Anna', reason: 'the disk is full' });
    const failed = await requestVisible(served);
    served.work();
    await ended(failed);
    await opened.database.query(`update instance_metadata set value = '"changed"' where instance_id = 7`);
    const different = await service.verify({ processModelId: INVOICES, paths, differences: 'values' });
    if (paused.status !== 'triggered' || different.status !== 'triggered') throw new Error('No run');
    await ended(different.runId);
    return { paused: paused.runId, failed, different: different.runId };
  }

  async function ended(runId: string): Promise<void> {
    const hasEnded = async () => (await served.service.status(runId)).state.startsWith('completed');
    await vi.waitUntil(hasEnded, { timeout: 120_000 });
  }

  test.each([
    ['the list of models', () => '/models'],
    ['the editor', () => MODEL],
    ['the list of all runs', () => '/runs'],
    ['the list of the runs of a model', () => `${MODEL}/runs`],
    ['a run that is paused', () => `/runs/${runs.paused}`],
    ['a run with failures', () => `/runs/${runs.failed}`],
    ['its failures', () => `/runs/${runs.failed}/failures`],
    ['a verification', () => `/runs/${runs.different}`],
    ['its differences', () => `/runs/${runs.different}/differences`],
    ['the report', () => `${MODEL}/instances`],
    [
      'the report, sorted and filtered',
      () => `${MODEL}/instances?sort=city&order=down&status=completed&key=city&is=filled`,
    ],
    ['a report without a row', () => `${MODEL}/instances?key=city&is=equal&value=Nowhere`],
    ['an instance', () => `${MODEL}/instances/1`],
    ['an instance with broken task data', () => `${MODEL}/instances/42`],
    ['the columns', () => `${MODEL}/columns`],
    ['a refusal', () => '/models/nope'],
  ])('%s meets no objection', async (_, path) => {
    await page.goto(served.url + path());
    if (path() === MODEL) await page.getByText('Saving starts no run.').waitFor();
    expect(await objectionsTo(page)).toEqual([]);
  });

  test('the editor with suggestions, and the one with questions, meet no objection', async () => {
    await page.goto(served.url + MODEL);
    await page.getByLabel('Key 4').fill('number');
    await page.getByRole('textbox', { name: 'Path 4' }).fill('invoice.nubmer');
    await page.getByText('Did you mean', { exact: true }).waitFor();
    expect(await objectionsTo(page)).toEqual([]);
    await page.getByLabel('Key 2').fill('town');
    await page.getByRole('textbox', { name: 'Path 3' }).fill('customer.id');
    await page.getByRole('radio', { name: /^Recompute them/ }).waitFor();
    await page.getByRole('radio', { name: /^Purge them/ }).waitFor();
    expect(await objectionsTo(page)).toEqual([]);
    await page.getByRole('textbox', { name: 'Path 4' }).fill('invoice[');
    await page.getByRole('alert').waitFor();
    expect(await objectionsTo(page)).toEqual([]);
  });

  test('a cancel asks first, and the question stays while the page is sent again', async () => {
    const question = page.getByRole('dialog', { name: 'Cancel the run?' });
    await page.goto(`${served.url}/runs/${runs.paused}`);
    await page.getByRole('button', { name: 'Cancel the run …' }).click();
    await question.waitFor();
    const shown = await page.locator('#run').innerHTML();
    await served.options.actions.add({ runId: runs.paused, who: 'Ben', action: 'looked on', reason: null });
    await page.getByText('Ben looked on').waitFor();
    expect(await page.locator('#run').innerHTML()).not.toBe(shown);
    expect(await objectionsTo(page)).toEqual([]);
    await question.getByRole('button', { name: 'Go back' }).click();
    await question.waitFor({ state: 'hidden' });
    expect((await served.service.status(runs.paused)).state).toBe('paused');
  });

  test.each([
    ['the list of all runs', () => '/runs'],
    ['the differences of a verification', () => `/runs/${runs.different}/differences`],
    ['an instance', () => `${MODEL}/instances/1`],
    ['the report', () => `${MODEL}/instances`],
  ])('%s fits on a phone, and meets no objection', async (_, path) => {
    await page.setViewportSize({ width: 390, height: 844 });
    await page.goto(served.url + path());
    const cells = await page.getByRole('row').last().getByRole('cell').all();
    const right = Math.max(...(await Promise.all(cells.map(rightEdge))));
    if (path() !== `${MODEL}/instances`) expect(right).toBeLessThanOrEqual(390);
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(390);
    expect(await objectionsTo(page)).toEqual([]);
    await page.setViewportSize({ width: 1280, height: 720 });
  });

  test('the keyboard alone is enough', async () => {
    const tab = await (await browser.open()).newPage();
    const { keyboard } = tab;
    await tab.goto(`${served.url}/models`);
    await keyboard.press('Tab');
    expect(await focusedName(tab)).toBe('Skip to the content');
    await keyboard.press('Enter');
    await tabTo(tab, INVOICES);
    await keyboard.press('Enter');
    await tab.getByText('Saving starts no run.').waitFor();

    await tabTo(tab, 'Key 4');
    await keyboard.type('number');
    await tabTo(tab, 'Path 4');
    await keyboard.type('invoice.nubmer');
    await tab.getByText('Did you mean', { exact: true }).waitFor();
    await tabTo(tab, 'invoice.number');
    await keyboard.press('Enter');
    await tab.getByText('Did you mean', { exact: true }).waitFor({ state: 'detached' });
    expect(await tab.getByRole('textbox', { name: 'Path 4' }).inputValue()).toBe('invoice.number');
    expect(await focusedName(tab)).toBe('Path 4');
    await tabTo(tab, 'Save the model');
    await keyboard.press('Enter');
    await tab.locator('#run-state', { hasText: 'Completed' }).waitFor();

    await tabTo(tab, 'Instance 42');
    await keyboard.press('Enter');
    await tab.getByRole('heading', { name: 'Instance 42' }).waitFor();
    await tabTo(tab, 'Columns');
    await keyboard.press('Enter');
    await tab.getByRole('heading', { name: 'Columns' }).waitFor();
    await tabTo(tab, 'Verify all columns');
    await keyboard.press('Enter');
    await tab.getByText('Verdict: Different').waitFor();
    await tabTo(tab, 'Repair the differences');
    await keyboard.press('Enter');
    await tab.getByRole('heading', { name: 'Recomputation' }).waitFor();
    await tab.locator('#run-state', { hasText: 'Completed' }).waitFor();

    await tab.goto(`${served.url}/runs/${runs.paused}`);
    await tabTo(tab, 'Reason');
    await keyboard.type('the disk is empty');
    await tabTo(tab, 'Resume');
    await keyboard.press('Enter');
    await tab.locator('#run-state', { hasText: 'Completed' }).waitFor();
    await tab.getByText('Anna resumed it: “the disk is empty”').waitFor();
  });

  test('no page has made the browser complain', () => {
    expect(browser.complaints).toEqual([]);
  });
});
