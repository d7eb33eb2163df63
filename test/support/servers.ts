import { connect } from 'node:net';
import { describe, test } from 'vitest';

type Server = 'PostgreSQL' | 'MariaDB' | 'Redis';

/** The variables and the places that the examples know, too. */
const SERVERS: Record<Server, { readonly variable: string; readonly standardUrl: string }> = {
  PostgreSQL: { variable: 'DATABASE_URL', standardUrl: 'postgres://root@127.0.0.1:5432/postgres' },
  MariaDB: { variable: 'MARIADB_URL', standardUrl: 'mysql://root@127.0.0.1:3306/mysql' },
  Redis: { variable: 'REDIS_URL', standardUrl: 'redis://127.0.0.1:6379' },
};

const found = Object.fromEntries(
  await Promise.all(
    Object.entries(SERVERS).map(async ([name, { variable, standardUrl }]) => {
      const url = process.env[variable] || standardUrl;
      return [name, { url, isThere: await answers(url, new URL(standardUrl).port) }] as const;
    }),
  ),
) as Record<Server, { readonly url: string; readonly isThere: boolean }>;

/**
 * A suite that needs servers. Without them it is skipped, and its title says how to get it run; with `CI=true`, where
 * nobody reads titles, it fails.
 */
export function describeWith<const Needed extends Server>(
  servers: readonly Needed[],
  title: string,
  body: (urls: Readonly<Record<Needed, string>>) => void,
): void {
  const urls = Object.fromEntries(servers.map((name) => [name, found[name].url])) as Record<Needed, string>;
  const missing = servers.filter((name) => !found[name].isThere).map(hint);
  if (missing.length === 0) {
    describe(title, () => body(urls));
  } else if (process.env.CI === 'true') {
    test(`${title} has its servers`, () => {
      throw new Error(missing.join('; '));
    });
  } else {
    describe.skip(`${title} (skipped: ${missing.join('; ')})`, () => body(urls));
  }
}

/** Without the password that the url may have. */
function hint(name: Server): string {
  const { host } = new URL(found[name].url);
  return `no ${name} answers at ${host}, start one or set ${SERVERS[name].variable}`;
}

/** Only whether somebody listens: a wrong password is to fail the suite, not to skip it. */
function answers(url: string, standardPort: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(port || standardPort), timeout: 2000 });
    const settle = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', settle(true)).once('timeout', settle(false)).once('error', settle(false));
  });
}
