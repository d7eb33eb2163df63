import type { Context } from 'hono';
import { html } from 'hono/html';
import { hasNewToken } from './guard.js';
import { isPart, keepPart } from './parts.js';
import type { Refusal } from './refusal.js';
import { alert, page, tokenField, type View } from './view.js';

/** Answers with a page that says what was refused, or htmx with the sentence alone. */
export function refusedPage(
  view: View,
  c: Context,
  { status, message }: Refusal,
): Response | Promise<Response> {
  const sentence = alert(message);
  if (isPart(c)) {
    keepPart(c);
    return c.html(html`${sentence}${hasNewToken(c) && tokenField(c, { replacing: true })}`, status);
  }
  const body = html`<h1>${TITLES[status]}</h1>
    ${sentence}
    <p><a href="${view.at('models')}">Go to the models</a></p>`;
  return c.html(page(view, { title: TITLES[status], body }), status);
}

const TITLES: Readonly<Record<Refusal['status'], string>> = {
  400: 'Not understood',
  403: 'Refused',
  404: 'Not found',
  409: 'Not possible now',
  413: 'Too large',
  421: 'Wrong address',
  422: 'Not usable',
  500: 'Failed',
  503: 'Not available',
};
