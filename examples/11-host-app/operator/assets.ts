import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Hono } from 'hono';
import { Refusal } from './refusal.js';

const htmx = (file: string): string => createRequire(import.meta.url).resolve(`htmx.org/dist/${file}`);
const own = (file: string): URL => new URL(file, import.meta.url);

interface Asset {
  /** Sent one after the other. */
  readonly files: readonly (string | URL)[];
  readonly type: string;
}

const ASSETS: Readonly<Record<string, Asset>> = {
  // One script: htmx may begin with the page as soon as its own script has ended, and must know the extension by then.
  'htmx.js': {
    files: [htmx('htmx.min.js'), htmx('ext/hx-sse.min.js')],
    type: 'text/javascript; charset=utf-8',
  },
  'operator.css': { files: [own('operator.css')], type: 'text/css; charset=utf-8' },
  'icon.svg': { files: [own('icon.svg')], type: 'image/svg+xml' },
};

/** The style, and htmx as npm has installed it. */
export function addAssets(app: Hono): void {
  app.get('/assets/:name', async (c) => {
    const name = c.req.param('name');
    const asset = Object.hasOwn(ASSETS, name) ? ASSETS[name] : undefined;
    if (asset === undefined) throw new Refusal(404, 'There is no such file.');
    const texts = await Promise.all(asset.files.map((file) => readFile(file, 'utf8')));
    return c.body(texts.join('\n'), 200, { 'content-type': asset.type, 'cache-control': 'max-age=300' });
  });
}
