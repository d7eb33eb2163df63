export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The text of the alerts in it, without their tags. */
  readonly alert: string;
}

/** A browser that can only send requests. */
export interface Client {
  readonly token: string;
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  /** With the origin of the pages and the token, unless `headers` and `fields` say otherwise. */
  post(path: string, fields?: Fields | Body, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

export type Fields = readonly (readonly [string, string])[];
type Body = string | URLSearchParams | FormData | ReadableStream;

/** @param url of the pages */
export async function createClient(url: string): Promise<Client> {
  const first = await fetch(`${url}/models`);
  await first.text();
  const cookie = first.headers.get('set-cookie')?.split(';')[0] ?? '';
  const token = cookie.split('=')[1] ?? '';
  const send = async (path: string, init: RequestInit & { duplex?: 'half' }) =>
    read(await fetch(url + path, { redirect: 'manual', ...init }));
  return {
    token,
    get: (path, headers) => send(path, { headers: { cookie, ...headers } }),
    post: (path, fields = [], headers = {}) =>
      send(path, {
        method: 'POST',
        headers: { cookie, origin: new URL(url).origin, ...headers },
        body: isFields(fields) ? form([['token', token], ...fields]) : fields,
        duplex: 'half',
      }),
  };
}

export function form(fields: Fields): URLSearchParams {
  return new URLSearchParams(fields.map(([name, value]): [string, string] => [name, value]));
}

function isFields(fields: Fields | Body): fields is Fields {
  return Array.isArray(fields);
}

async function read(response: Response): Promise<Answer> {
  const text = await response.text();
  const [, alert = ''] = /role="alert">(.*?)<\/div>/s.exec(text) ?? [];
  const { status, headers } = response;
  return { status, headers, text, alert: alert.replace(/<[^>]*>/g, ' ').trim() };
}
