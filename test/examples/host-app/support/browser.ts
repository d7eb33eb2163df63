import { type BrowserContext, chromium, type Page } from 'playwright-core';

/** Long enough for a busy machine: tests wait for states, and this is only against waiting for ever. */
const LONGEST_MS = 120_000;

export interface TestBrowser {
  /** A window of its own, with its own cookies. */
  open(options?: { readonly javaScriptEnabled: boolean }): Promise<BrowserContext>;
  /** What the pages have complained about so far: errors and warnings of scripts and of the content security policy. */
  readonly complaints: string[];
  close(): Promise<void>;
}

export async function startBrowser(program: string): Promise<TestBrowser> {
  const browser = await chromium.launch({
    executablePath: program,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    timeout: LONGEST_MS,
  });
  const complaints: string[] = [];
  return {
    complaints,
    async open(options) {
      const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
      context.setDefaultTimeout(LONGEST_MS);
      context.on('page', (page) => listen(page, complaints));
      return context;
    },
    close: () => browser.close(),
  };
}

function listen(page: Page, complaints: string[]): void {
  page.on('pageerror', (error) => complaints.push(`${page.url()}: ${error.message}`));
  page.on('console', (message) => {
    if (!['error', 'warning'].includes(message.type()) || isOfNetwork(message.text())) return;
    complaints.push(`${page.url()}: ${message.text()}`);
  });
}

/** An answer that is a refusal, or a host that is down or starts: all are reported there, too, and tests look at what the page shows. */
function isOfNetwork(text: string): boolean {
  return /^Failed to load resource|^htmx: htmx:(sse:)?error: .*(network error|Failed to fetch|status 503)/.test(
    text,
  );
}
