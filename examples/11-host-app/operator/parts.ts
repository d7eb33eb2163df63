import type { Context } from 'hono';
import { html } from 'hono/html';
import type { Html } from './view.js';

// What htmx asks for and gets, so that a page stays where it is. Without scripts, a browser gets whole pages instead.

/** Whether htmx has sent the request. */
export function isPart(c: Context): boolean {
  return c.req.header('hx-request') === 'true';
}

/** Sends the browser to another page. htmx would put the page into this one. */
export function goTo(c: Context, address: string): Response {
  if (!isPart(c)) return c.redirect(address, 303);
  c.header('hx-redirect', address);
  return c.body(null, 204);
}

/** Where a page shows refusals. Its place is in a part that a success replaces, so that a refusal goes away then. */
export function messageArea(): Html {
  return html`<div id="message"></div>`;
}

/** These parts are replaced by a refusal. All others have what somebody has typed or reads, and stay. */
const REPLACED = ['div#preview', 'div#run'];

/** Has htmx show a refusal in the message area, unless it may replace the part. */
export function keepPart(c: Context): void {
  if (REPLACED.includes(c.req.header('hx-target') ?? '')) return;
  c.header('hx-retarget', '#message');
  c.header('hx-reswap', c.req.method === 'GET' ? 'innerHTML' : 'innerHTML show:top');
  c.header('hx-reselect', '[role=alert]');
}
