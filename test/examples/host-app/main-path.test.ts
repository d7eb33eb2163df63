import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { describeWith, describeWithChromium } from '../../support/servers.js';
import { startBrowser, type TestBrowser } from './support/browser.js';
import { type HostProcess, killHostProcesses, startHostProcess } from './support/host-process.js';
import { createFolder, createSchema, type OwnPlace } from './support/places.js';

/** With the two instances 42 and 420, whose task data are broken. */
const INSTANCES = 450;
const AT_ONCE = 100_000;
/** So slow that no run ends before somebody has done with it what is to be done. */
const NEVER = 1;

describeWithChromium('An operator in a browser', (program) => {
  describe('of a host with PGlite and jobs in its own process', () => {
    followMainPath(program, createFolder);
  });

  describeWith(['PostgreSQL'], 'of a host with PostgreSQL and pg-boss', ({ PostgreSQL }) => {
    followMainPath(program, async () => createSchema(PostgreSQL));
  });
});

/** Each test goes on where the one before has ended. */
function followMainPath(program: string, createPlace: () => Promise<OwnPlace>): void {
  let own: OwnPlace;
  let host: HostProcess;
  let browser: TestBrowser;
  let page: Page;

  beforeAll(async () => {
    own = await createPlace();
    host = await startHostProcess({ place: own.place, instances: INSTANCES, instancesPerSecond: AT_ONCE });
    browser = await startBrowser(program);
    page = await (await browser.open()).newPage();
  });

  afterAll(async () => {
    await browser?.close();
    await killHostProcesses();
    await own?.remove();
  });

  test('corrects a typo by the suggestion of the preview, and saves', async () => {
    await page.goto(host.url);
    await page.getByRole('link', { name: 'sales/invoice' }).click();
    await page.getByText('Saving starts no run.').waitFor();

    await page.getByLabel('Key 2').fill('invoice_number');
    await page.getByRole('textbox', { name: 'Path 2' }).pressSequentially('invoice.nubmer');
    const preview = page.getByRole('region', { name: 'Preview of invoice_number', exact: true });
    await preview.getByText('Did you mean').waitFor();
    expect(await preview.getByText('Found in').first().innerText()).toContain('Found in 0 %');

    await preview.getByRole('button', { name: 'invoice.number', exact: true }).click();
    await preview.getByText('Did you mean').waitFor({ state: 'detached' });
    expect(await page.getByRole('textbox', { name: 'Path 2' }).inputValue()).toBe('invoice.number');
    expect(await preview.innerText()).toMatch(/INV-2024-\d{4}/);
    expect(await page.locator('.summary').innerText()).toMatch(
      /^Saving starts a run over 4\d\d instances: it fills 1 key\. It writes about \d+ values, in /,
    );

    await page.getByLabel('Why').fill('for the yearly report');
    await page.getByRole('button', { name: 'Save the model' }).click();
    await page.getByText('“for the yearly report”').first().waitFor();
    await page.getByText('Requested by Anna').waitFor();
  });

  test('sees the bar reach 100 %, without loading the page again', async () => {
    await markPage(page);
    await state(page, 'Completed, with failures');
    await page.locator('.progress strong', { hasText: /^100 %$/ }).waitFor();
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('100');
    expect(await isSamePage(page)).toBe(true);
  });

  test('finds the new column filled, with the run and the path that it comes from', async () => {
    await page.goto(`${host.url}/models/sales%2Finvoice/instances?order=up`);
    const cell = page.getByRole('row').nth(1).getByRole('cell').last();
    expect(await cell.innerText()).toMatch(/^INV-2024-0001\s+Run \d\d-\d\d \d\d:\d\d\s+invoice\.number$/);
    await page.goto(`${host.url}/models/sales%2Finvoice/instances/42`);
    await page
      .getByText(/^Failed in run .*: /)
      .first()
      .waitFor();
  });

  test('lists the failures by code, and retries them after the data were repaired', async () => {
    await page.goto(`${host.url}/models/sales%2Finvoice/runs`);
    await page.getByRole('row', { name: 'for the yearly report' }).getByRole('link').click();
    const failures = page.getByRole('region', { name: 'Failures with TASK_DATA_UNREADABLE' });
    expect(await failures.getByRole('link').allInnerTexts()).toEqual(['Instance 42', 'Instance 420']);
    await failures.getByRole('link', { name: 'Instance 420' }).click();
    await page.getByRole('heading', { name: 'Instance 420' }).waitFor();
    await page.goBack();

    for (const instance of [42, 420]) await cause('Repair the task data of the instance', instance);
    await page.getByRole('button', { name: 'Retry what failed' }).click();
    await page.getByRole('heading', { name: 'Backfill of 2 chosen instances' }).waitFor();
    await state(page, 'Completed');
    await page.getByText('2 of 2').waitFor();
    await page.goto(`${host.url}/models/sales%2Finvoice/instances/42`);
    expect(await page.getByRole('row', { name: 'invoice_number' }).innerText()).toContain('INV-2024-0042');
  });

  test('pauses the next run, and finds it paused after a reload', async () => {
    await host.stop();
    host = await startHostProcess({ ...settings(), port: host.port, instancesPerSecond: NEVER });
    await addPath(page, host, 3, 'total', 'invoice.total');
    await state(page, 'Running');
    await page.getByLabel('Reason').fill('the disk is nearly full');
    await page.getByRole('button', { name: 'Pause' }).click();
    await state(page, 'Paused');

    await page.reload();
    await state(page, 'Paused');
    await page.getByText('Anna paused it: “the disk is nearly full”').waitFor();
    await page.getByRole('button', { name: 'Resume' }).click();
    await state(page, 'Running');
    await page.getByText('Anna resumed it').waitFor();
  });

  test('sees a killed worker’s run go on after a sweep, in the page that was open all the time', async () => {
    await page.getByText(/Visited\s*[1-9]/).waitFor();
    await markPage(page);
    await host.kill();
    host = await startHostProcess({ ...settings(), port: host.port, instancesPerSecond: AT_ONCE });
    await state(page, 'Completed');
    expect(await page.getByRole('progressbar').getAttribute('value')).toBe('100');
    expect(await isSamePage(page)).toBe(true);
  });

  test('has everything verified: equal', async () => {
    await verifyAll(page, host);
    await page.getByText('Verdict: Equal').waitFor();
  });

  test('is told of a change by hand: different, and has it repaired', async () => {
    await cause('Change the metadata of the instance by hand', 17);
    await verifyAll(page, host);
    await page.getByText('Verdict: Different').waitFor();
    await state(page, 'Completed');
    await page.getByRole('link', { name: /^Show \d+ difference/ }).click();
    const row = page.getByRole('row', { name: /invoice_number/ });
    expect(await row.innerText()).toMatch(/Instance 17\s.*changed by hand.*INV-2024-0017/s);
    await page.goBack();

    await page.getByRole('button', { name: 'Repair the differences' }).click();
    await page.getByRole('heading', { name: 'Recomputation' }).waitFor();
    await state(page, 'Completed');
    await verifyAll(page, host);
    await page.getByText('Verdict: Equal').waitFor();
  });

  test('has seen no complaint of the browser', () => {
    expect(browser.complaints).toEqual([]);
  });

  function settings() {
    return { place: own.place, instances: INSTANCES };
  }

  /** By the page with the accidents of this host, in another tab. */
  async function cause(accident: string, instance: number): Promise<void> {
    const tab = await page.context().newPage();
    await tab.goto(new URL('/demo', host.url).href);
    await tab.getByLabel('Instance').fill(String(instance));
    await tab.getByRole('button', { name: accident }).click();
    await tab.getByRole('status').waitFor();
    await tab.close();
    await page.bringToFront();
  }
}

async function addPath(page: Page, host: HostProcess, row: number, key: string, path: string) {
  await page.goto(`${host.url}/models/sales%2Finvoice`);
  await page.getByLabel(`Key ${row}`).fill(key);
  await page.getByRole('textbox', { name: `Path ${row}` }).fill(path);
  await page.getByRole('button', { name: 'Save the model' }).click();
}

async function verifyAll(page: Page, host: HostProcess): Promise<void> {
  await page.goto(`${host.url}/models/sales%2Finvoice/columns`);
  await page.getByRole('button', { name: 'Verify all columns' }).click();
  await page.getByRole('heading', { name: 'Verification' }).waitFor();
}

function state(page: Page, words: string): Promise<void> {
  return page.locator('#run-state').getByText(words, { exact: true }).waitFor();
}

/** The mark goes away with the page. */
function markPage(page: Page): Promise<void> {
  return page.evaluate(`document.documentElement.setAttribute('data-mark', '')`);
}

function isSamePage(page: Page): Promise<boolean> {
  return page.evaluate(`document.documentElement.hasAttribute('data-mark')`);
}
