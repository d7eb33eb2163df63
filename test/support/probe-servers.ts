import { connect } from 'node:net';
import { SERVERS, type Server, serverUrl } from './server-urls.js';

export async function absentServers(): Promise<ReadonlySet<Server>> {
  const servers = Object.keys(SERVERS) as Server[];
  const isThere = await Promise.all(servers.map(answers));
  return new Set(servers.filter((_, index) => !isThere[index]));
}

/** Without the password that the url may have. */
export function hintAt(server: Server): string {
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
