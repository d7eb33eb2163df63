import { connect } from 'node:net';
import { describe, test } from 'vitest';
import { SERVERS, type Server, serverUrl } from './server-urls.js';

const absent = new Set<Server>();
await Promise.all(
  (Object.keys(SERVERS) as Server[]).map(async (server) => {
    if (!(await answers(server))) absent.add(server);
  }),
);

/**
 * A suite that needs servers. Without them it is skipped, and its title says how to get it run; with `CI=true`, where
 * nobody reads titles, it fails.
 */
export function describeWith<const Needed extends Server>(
  servers: readonly Needed[],
  title: string,
  body: (urls: Readonly<Record<Needed, string>>) => void,
): void {
  const urls = Object.fromEntries(servers.map((server) => [server, serverUrl(server)]));
  const hints = servers.filter((server) => absent.has(server)).map(hintAt);
  if (hints.length === 0) {
    describe(title, () => body(urls as Record<Needed, string>));
  } else if (process.env.CI === 'true') {
    test(`${title} has its servers`, () => {
      throw new Error(hints.join('; '));
    });
  } else {
    describe.skip(`${title} (skipped: ${hints.join('; ')})`, () => body(urls as Record<Needed, string>));
  }
}

/** Without the password that the url may have. */
function hintAt(server: Server): string {
  return `no ${server} answers at ${new URL(serverUrl(server)).host}, start one or set ${SERVERS[server].variable}`;
}

/** Only whether somebody listens: a wrong password is to fail the suite, not to skip it. */
function answers(server: Server): Promise<boolean> {
  const { hostname, port } = new URL(serverUrl(server));
  return new Promise((resolve) => {
    const socket = connect({
      host: hostname.replace(/^\[|\]$/g, ''),
      port: Number(port || new URL(SERVERS[server].standardUrl).port),
      timeout: 2000,
    });
    const settle = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', settle(true)).once('timeout', settle(false)).once('error', settle(false));
  });
}
