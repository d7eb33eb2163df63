import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { requestWhatIsOwed } from '../../../examples/11-host-app/host/models.js';
import { type OpenDatabase, openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { seed } from '../../../examples/11-host-app/host/seed.js';
import { type Client, createClient, form } from './support/client.js';
import { createFolder, type OwnPlace } from './support/places.js';
import {
  HIDDEN_MODEL,
  MODEL,
  requestHidden,
  requestVisible,
  type ServedPages,
  servePages,
} from './support/serve-pages.js';

const SCRIPT = '<script>alert(1)</script>';
const TEN_MB = 'a'.repeat(10_000_000);

let own: OwnPlace;
let opened: OpenDatabase;
let served: ServedPages;
let client: Client;
let hidden: string;
let run: string;

/** Nobody works, so that the runs stay where they are. */
beforeAll(async () => {
  own = await createFolder();
  opened = await openDatabase(own.place, { fresh: true });
  await seed(opened.database, 50, () => {});
  served = await servePages(opened.database);
  client = await createClient(served.url);
  hidden = await requestHidden(served);
  run = await requestVisible(served);
});

afterAll(async () => {
  await served?.close();
  await opened?.close();
  await own?.remove();
});

/** All that a refused request could have changed. */
async function stored(): Promise<unknown> {
  return {
    models: await served.options.models.list(),
    runs: await served.service.list({ limit: 100 }),
    actions: await opened.database.query('select * from operator_action'),
  };
}

const row = (key: string, path: string, revision = '1') =>
  [
    ['revision', revision],
    ['key', 'customer_id'],
    ['path', 'customer.id'],
    ['key', key],
    ['path', path],
  ] as const;

const CHANGES = [
  `${MODEL}/save`,
  `${MODEL}/verify`,
  'pause',
  'resume',
  'cancel',
  'retry',
  'verify',
  'repair',
];
const changeAt = (step: string) => (step.startsWith('/') ? step : `/runs/${run}/${step}`);

describe.each(CHANGES)('The change at %s', (step) => {
  test.each([
    ['has no token', [], {}],
    ['has another token', [['token', 'x'.repeat(32)]], {}],
    ['has a token, but no cookie', null, { cookie: '' }],
    ['has the origin of another site', null, { origin: 'https://evil.example' }],
    ['has the origin of another port', null, { origin: 'http://127.0.0.1:1' }],
    ['has the origin of a frame without one', null, { origin: 'null' }],
    ['has no origin', null, { origin: '' }],
    ['is sent by another site, as its browser says', null, { 'sec-fetch-site': 'cross-site' }],
  ] as const)('is refused if it %s', async (_, token, headers) => {
    const before = await stored();
    const fields = [...(token ?? [['token', client.token] as const]), ...row('n', 'invoice.number')];
    const answer = await client.post(changeAt(step), form(fields), headers);
    expect([answer.status, answer.alert]).toEqual([403, expect.stringContaining('so it was not made.')]);
    expect(await stored()).toEqual(before);
  });
});

test('a request to another name is refused, because a foreign page may have made its name point here', async () => {
  const { hostname, port } = new URL(served.url);
  const status = await new Promise((resolve, reject) => {
    request({ hostname, port, path: '/operator/models', headers: { host: 'evil.example' } }, (answer) => {
      answer.resume();
      resolve(answer.statusCode);
    })
      .once('error', reject)
      .end();
  });
  expect(status).toBe(421);
});

test.each(['save', 'preview', 'edit'])(
  'a path of 10 MB is refused at %s, and nothing changes',
  async (step) => {
    const before = await stored();
    const whole = await client.post(`${MODEL}/${step}`, row('n', TEN_MB));
    expect([whole.status, whole.alert]).toEqual([
      413,
      expect.stringMatching(/more than .* KB.*Nothing was changed/),
    ]);
    const stream = new Blob([form([['token', client.token], ...row('n', TEN_MB)]).toString()]).stream();
    const type = { 'content-type': 'application/x-www-form-urlencoded' };
    const unannounced = await client.post(`${MODEL}/${step}`, stream, type);
    expect([unannounced.status, unannounced.alert]).toEqual([413, whole.alert]);
    expect(await stored()).toEqual(before);
  },
);

test('a path that is longer than paths may be is refused in a sentence that is not long', async () => {
  const before = await stored();
  const answer = await client.post(`${MODEL}/save`, row('n', 'a'.repeat(200_000)));
  expect(answer.status).toBe(422);
  expect(answer.alert).toMatch(/^These paths cannot be used, so nothing was saved\.\s+Row 2/);
  expect(answer.alert.length).toBeLessThan(1_000);
  expect(await stored()).toEqual(before);
});

test.each(['save', 'preview', 'edit'])('a script in key, path and reason is escaped at %s', async (step) => {
  const fields = [...row(SCRIPT, `[${SCRIPT}`), ['edit', 'add'], ['reason', SCRIPT]] as const;
  const { text } = await client.post(`${MODEL}/${step}`, fields, { 'hx-request': 'true' });
  expect(text).toContain('&lt;script&gt;');
  expect(text).not.toContain('<script>alert');
});

test.each([
  '/models/nope',
  '/models/nope/runs',
  '/models/nope/instances',
  '/models/nope/instances/1',
  '/models/nope/columns',
  '/models/__proto__',
  '/models/constructor/columns',
  `/models/${encodeURIComponent(SCRIPT)}`,
  '/models/%',
  '/models/%ff',
  `${MODEL}/instances/0`,
  `${MODEL}/instances/-1`,
  `${MODEL}/instances/99999999999999999999`,
  `${MODEL}/instances/${encodeURIComponent(SCRIPT)}`,
  '/runs/nope',
  '/runs/nope/live',
  '/runs/nope/failures',
  '/runs/__proto__',
  `/runs/${encodeURIComponent("x' or 1=1 --")}`,
  '/assets/nope.js',
  '/assets/..%2fguard.ts',
  '/assets/__proto__',
  '/nope',
])('%s does not exist, and its page says so', async (path) => {
  const answer = await client.get(path);
  expect([answer.status, answer.alert]).toEqual([
    404,
    expect.stringMatching(/^There is no such .*\.$|^There is no process model .*\.$/),
  ]);
  expect(answer.text).not.toContain('<script>alert');
});

test.each([
  `/models/nope/save`,
  '/models/nope/preview',
  '/models/nope/verify',
  '/runs/nope/pause',
  '/runs/nope/fly',
])('a change at %s finds nothing to change', async (path) => {
  const before = await stored();
  expect((await client.post(path, row('n', 'invoice.number'))).status).toBe(404);
  expect(await stored()).toEqual(before);
});

test.each([
  `${MODEL}/instances?after=nonsense`,
  `${MODEL}/instances?after=${encodeURIComponent('[1e99]')}`,
  `${MODEL}/instances?after=${encodeURIComponent('["1; drop table task"]')}`,
  `${MODEL}/instances?sort=customer_id&after=${encodeURIComponent('[1,"\\u0000"]')}`,
  `${MODEL}/instances?sort=customer_id&after=${encodeURIComponent('[1,"\\ud800"]')}`,
  `${MODEL}/instances?key=customer_id&is=equal&value=%00`,
])('%s is no page of the list, and the answer says so', async (path) => {
  const answer = await client.get(path);
  expect([answer.status, answer.alert]).toEqual([400, expect.stringMatching(/\.$/)]);
});

test.each(['failures', 'differences'])(
  'there is no page of the %s that nobody has linked to',
  async (list) => {
    const answer = await client.get(`/runs/${run}/${list}?after=nonsense`);
    const sentence = 'There is no such page of this list. Begin with the first one.';
    expect([answer.status, answer.alert]).toEqual([400, sentence]);
  },
);

test('a refusal links to the page that somebody came from, unless that is a foreign one', async () => {
  const from = async (referer: string) => (await client.get('/nope', { referer })).text;
  expect(await from(`${served.url}${MODEL}/runs?before=x`)).toContain(
    `<a href="/operator${MODEL}/runs?before=x">Go back</a>`,
  );
  for (const referer of [
    'https://evil.example/operator/models',
    `${served.url}/nope`,
    'nonsense',
    served.origin,
  ])
    expect(await from(referer)).not.toContain('Go back');
});

test.each([
  ['the key', 'n\0', 'invoice.number'],
  ['the path', 'n', 'invoice\0'],
])('a NUL in %s is refused with the number of its row', async (_, key, path) => {
  for (const step of ['save', 'preview']) {
    const answer = await client.post(`${MODEL}/${step}`, row(key, path));
    expect(answer.alert).toMatch(/Row 2: /);
  }
});

test('a word that no column has finds nothing', async () => {
  for (const value of [SCRIPT, "' or 1=1 --", '1e999', '007', '-01', '{"a":1}', '\ud800']) {
    const search = new URLSearchParams({ key: 'customer_id', is: 'equal', value });
    const answer = await client.get(`${MODEL}/instances?${search}`);
    expect([answer.status, answer.text.includes('No instance fits.')]).toEqual([200, true]);
    expect(answer.text).not.toContain('<script>alert');
  }
});

describe('What authorize refuses', () => {
  test.each(['', '/live', '/failures', '/differences'])('is not shown at /runs/…%s', async (step) => {
    const answer = await client.get(`/runs/${hidden}${step}`);
    expect([answer.status, answer.alert]).toEqual([403, expect.stringMatching(/^You may not look at .*\.$/)]);
    expect(answer.text).not.toMatch(/hidden_key|staff|Ben/);
  });

  test.each(['', '/runs', '/instances', '/instances/51', '/columns'])(
    'is not shown at its model%s',
    async (step) => {
      const answer = await client.get(HIDDEN_MODEL + step);
      expect([answer.status, answer.alert]).toEqual([
        403,
        expect.stringMatching(/^You may not look at .*\.$/),
      ]);
      expect(answer.text).not.toMatch(/customer_id|hidden_key|Ben/);
    },
  );

  test('is in no list, and its instances are not those of another model', async () => {
    for (const path of ['/models', '/runs', `${MODEL}/runs`])
      expect((await client.get(path)).text).not.toMatch(/staff|hidden_key/);
    expect((await client.get(`${MODEL}/instances/51`)).status).toBe(404);
  });

  test.each(['pause', 'resume', 'cancel', 'retry', 'verify', 'repair'])(
    'is not done at /runs/…/%s',
    async (step) => {
      const before = await stored();
      const answer = await client.post(`/runs/${hidden}/${step}`);
      expect([answer.status, answer.alert]).toEqual([
        403,
        'You may not control the runs of this process model.',
      ]);
      expect(await stored()).toEqual(before);
    },
  );

  test.each(['save', 'preview', 'edit', 'verify'])('is not done at its model/%s', async (step) => {
    const before = await stored();
    expect((await client.post(`${HIDDEN_MODEL}/${step}`, row('n', 'a'))).status).toBe(403);
    expect(await stored()).toEqual(before);
  });
});

test('what is no form of these pages is refused', async () => {
  const before = await stored();
  const json = { 'content-type': 'application/json' };
  expect((await client.post(`${MODEL}/save`, '{"token":1}', json)).status).toBe(400);
  const broken = { 'content-type': 'multipart/form-data; boundary=x' };
  expect((await client.post(`${MODEL}/save`, '--x', broken)).status).toBe(400);
  for (const revision of ['', 'NaN', '1.5', '-1', '1e300'])
    expect((await client.post(`${MODEL}/save`, row('n', 'invoice.number', revision))).status).toBe(409);
  expect((await client.post(`${MODEL}/save`, row('null\0', 'a\0'))).status).toBe(422);
  expect(await stored()).toEqual(before);
});

test.each(['PUT', 'PATCH', 'DELETE', 'OPTIONS'])('%s is refused', async (method) => {
  const before = await stored();
  const answer = await fetch(served.url + MODEL, { method, headers: { origin: served.origin } });
  expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'GET, HEAD, POST']);
  expect(await stored()).toEqual(before);
});

test('every page and every refusal has the strict policy, no inline code and no inline style', async () => {
  const paths = ['/models', MODEL, '/runs', `${MODEL}/runs`, `/runs/${run}`, `/runs/${run}/failures`];
  const more = [`${MODEL}/instances`, `${MODEL}/instances/1`, `${MODEL}/columns`, '/nope', `/runs/${hidden}`];
  for (const path of [...paths, ...more, '/assets/htmx.js', '/assets/operator.css']) {
    const { headers, text } = await client.get(path);
    const policy = headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    if (path.startsWith('/assets/')) continue;
    expect(text.match(/<script(?![^>]*\bsrc=)[^>]*>/g)).toBeNull();
    expect(text.match(/<style\b|\sstyle=|\son\w+=|javascript:|hx-on/gi)).toBeNull();
  }
});

test('htmx is told to show a refusal above what was typed, and gets a valid token with it', async () => {
  const htmx = { 'hx-request': 'true', 'hx-target': 'div#editor' };
  const refused = await client.post(`${MODEL}/edit`, form(row('n', 'a')), htmx);
  expect(refused.status).toBe(403);
  expect(refused.headers.get('hx-retarget')).toBe('#message');
  expect(refused.headers.get('hx-reselect')).toBe('[role=alert]');
  expect(refused.text).toContain(`id="token" value="${client.token}" hx-swap-oob="true"`);
  const preview = { ...htmx, 'hx-target': 'div#preview' };
  const replaced = await client.post(`${MODEL}/preview`, form(row('n', 'a')), preview);
  expect([replaced.status, replaced.headers.get('hx-retarget')]).toEqual([403, null]);
});

test('a key that two rows have is refused by the numbers of both, and spaces around it make no other key', async () => {
  const before = await stored();
  const fields = [['key', ''], ['path', ''], ...row('customer_id ', 'invoice.number')] as const;
  const answer = await client.post(`${MODEL}/save`, fields);
  expect([answer.status, answer.alert]).toEqual([422, expect.stringMatching(/Row 3: .* used by row 2;/)]);
  expect(await stored()).toEqual(before);
});

test.each(['resume', 'retry', 'verify', 'repair'])(
  '%s is refused for a run that has no such button',
  async (step) => {
    const before = await stored();
    const answer = await client.post(`/runs/${run}/${step}`);
    expect([answer.status, answer.alert]).toEqual([
      409,
      expect.stringMatching(/is not possible for this run now, so nothing was done\.$/),
    ]);
    expect(await stored()).toEqual(before);
  },
);

test('after a retry that could not take all, the page of its run says so', async () => {
  const answer = await client.get(`/runs/${run}?failures=left`);
  expect(answer.text).toContain('This run leaves out some of the failed instances');
});

test('a request that cannot be made does not stop the owed ones of other models', async () => {
  const logged = vi.spyOn(console, 'error').mockImplementation(() => {});
  const owed = { processModelId: 'owing', paths: [{ key: 'a', path: 'a' }] };
  for (const [id, request] of [['a broken one', { nonsense: 1 }] as const, ['owing', owed] as const])
    await opened.database.query(
      `insert into process_model (id, paths, owed_request, owed_since) values ($1, '[]', $2, now() - interval '1 minute')`,
      [id, JSON.stringify(request)],
    );
  await requestWhatIsOwed(opened.database, served.service);
  expect(await served.service.list({ processModelId: 'owing' })).toHaveLength(1);
  expect(logged).toHaveBeenCalledOnce();
  logged.mockRestore();
});

/** Last, because it changes the model. */
test('of two tabs that save, the second is told so, and keeps what it has typed', async () => {
  const first = await client.post(`${MODEL}/save`, row('first', 'invoice.number'), { 'hx-request': 'true' });
  expect([first.status, first.headers.get('hx-redirect')]).toEqual([
    204,
    expect.stringContaining('/operator/runs/'),
  ]);
  const before = await stored();
  const answer = await client.post(`${MODEL}/save`, row('second', 'invoice.total'));
  expect([answer.status, answer.alert]).toEqual([
    409,
    expect.stringMatching(/^Somebody else has saved this model in between/),
  ]);
  expect(answer.text).toContain('value="second"');
  expect(answer.text).toContain('first (invoice.number)');
  expect(await stored()).toEqual(before);
});
