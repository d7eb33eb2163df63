import type { Context } from 'hono';
import { html } from 'hono/html';
import { hasNewToken } from './guard.js';
import { isPart, keepPart } from './parts.js';
import type { Refusal } from './refusal.js';
import { alert, type Html, page, tokenField, type View } from './view.js';

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
    <p>${back(view, c)}<a href="${view.at('models')}">Go to the models</a></p>`;
  return c.html(page(view, { title: TITLES[status], body }), status);
}

/** A link to the page that somebody came from, if it is one of these pages. */
function back(view: View, c: Context): Html {
  const referer = c.req.header('referer') ?? '';
  const from = URL.canParse(referer) ? new URL(referer) : null;
  const isOfThese =
    from !== null && view.origins.includes(from.origin) && from.pathname.startsWith(view.at(''));
  const here = new URL(c.req.url);
  const isHere = from?.pathname === here.pathname && from.search === here.search;
  if (!isOfThese || isHere || from.pathname.startsWith('//')) return html``;
  return html`<a href="${from.pathname}${from.search}">Go back</a> or `;
}

const TITLES: Readonly<Record<Refusal['status'], string>> = {
  400: 'Not understood',
  403: 'Refused',
  404: 'Not found',
  405: 'Not possible',
  409: 'Not possible now',
  413: 'Too large',
  421: 'Wrong address',
  422: 'Not usable',
  500: 'Failed',
  503: 'Not available',
};
