import { randomBytes } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { getCookie, setCookie } from 'hono/cookie';
import { isPart } from './parts.js';
import { Refusal } from './refusal.js';

const TOKEN = 'operator_token';

const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/** Headers that keep foreign code out of the pages, and the pages out of foreign frames and caches. */
export const harden: MiddlewareHandler = async (c, next) => {
  await next();
  c.header('content-security-policy', POLICY);
  c.header('x-content-type-options', 'nosniff');
  c.header('referrer-policy', 'same-origin');
  c.header('cross-origin-opener-policy', 'same-origin');
  if (!c.res.headers.has('cache-control')) c.header('cache-control', 'no-store');
};

/**
 * Refuses requests to a name that is not the host's (a foreign page may have made its own name point here), and changes that do
 * not come from its own pages: a change needs the same origin, and the token of the browser in the form.
 */
export function guard(origins: readonly string[], path: string): MiddlewareHandler {
  const hosts = origins.map((origin) => new URL(origin).host);
  const place = { path, secure: origins.every((origin) => origin.startsWith('https:')) };
  return async (c, next) => {
    // Behind a proxy that ends TLS, the address of the request begins with `http`.
    if (!hosts.includes(new URL(c.req.url).host))
      throw new Refusal(421, `These pages are at ${origins.join(' and ')} only.`);
    if (/%00/.test(c.req.url)) throw new Refusal(400, 'This address has a character that no page has.');
    if (c.req.method === 'GET' || c.req.method === 'HEAD') {
      if (!isToken(getCookie(c, TOKEN))) giveToken(c, place);
      return next();
    }
    if (c.req.method !== 'POST') {
      c.header('allow', 'GET, HEAD, POST');
      throw new Refusal(405, `These pages answer no ${c.req.method} requests, so nothing was changed.`);
    }
    if (!isSameOrigin(c.req.raw, origins))
      throw new Refusal(403, 'This change came from another site, so it was not made.');
    const token = (await readForm(c)).get('token');
    if (!isToken(getCookie(c, TOKEN)) || token !== getCookie(c, TOKEN)) throw noToken(c, place);
    return next();
  };
}

/** The token for the forms of a page. */
export function tokenOf(c: Context): string {
  return c.get('token') ?? getCookie(c, TOKEN) ?? '';
}

/** @throws {Refusal} when the body is no form. */
export async function readForm(c: Context): Promise<FormData> {
  const read = c.get('form') as FormData | undefined;
  if (read !== undefined) return read;
  const form = await c.req.formData().catch((error) => {
    if (error?.name === 'BodyLimitError') throw error;
    throw new Refusal(400, 'This form is not from these pages, so nothing was changed.');
  });
  c.set('form', form);
  return form;
}

/** The reason that a form gives, if any. */
export async function reasonIn(c: Context): Promise<string | null> {
  return reasonOf(await readForm(c));
}

export function reasonOf(form: FormData): string | null {
  const reason = String(form.get('reason') ?? '')
    .trim()
    .slice(0, 200);
  return reason === '' ? null : reason;
}

interface CookiePlace {
  readonly path: string;
  /** Whether browsers send the cookie by TLS only. */
  readonly secure: boolean;
}

/** A page that stays where it is gets a valid token with the refusal. */
function noToken(c: Context, place: CookiePlace): Refusal {
  const token = getCookie(c, TOKEN);
  if (isToken(token)) c.set('token', token);
  else giveToken(c, place);
  const again = isPart(c) ? 'Send it again.' : 'Go back and send it again.';
  return new Refusal(403, `This change had no valid token, so it was not made. ${again}`);
}

/** Whether the page that has sent this request has another token in its forms. */
export function hasNewToken(c: Context): boolean {
  return c.get('token') !== undefined;
}

function giveToken(c: Context, { path, secure }: CookiePlace): void {
  const token = randomBytes(24).toString('base64url');
  c.set('token', token);
  // `Strict` would hide the token from a page that a foreign link opens: it would get another, and open tabs would have the old.
  setCookie(c, TOKEN, token, { path, secure, httpOnly: true, sameSite: 'Lax' });
}

function isToken(value: string | undefined): boolean {
  return value !== undefined && /^[\w-]{32}$/.test(value);
}

function isSameOrigin({ headers }: Request, origins: readonly string[]): boolean {
  const site = headers.get('sec-fetch-site');
  const origin = headers.get('origin');
  if (site !== null && site !== 'same-origin') return false;
  return origin === null ? site === 'same-origin' : origins.includes(origin);
}
