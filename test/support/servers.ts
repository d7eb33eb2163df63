import { connect } from 'node:net';
import { describe } from 'vitest';

/** Servers that some tests need, each at the place that a variable of the environment names. */
const SERVERS = {
  PostgreSQL: {
    variable: 'DATABASE_URL',
    url: process.env.DATABASE_URL || 'postgres://root@127.0.0.1:5432/postgres',
  },
  Redis: { variable: 'REDIS_URL', url: process.env.REDIS_URL || 'redis://127.0.0.1:6379' },
};
type Server = keyof typeof SERVERS;

/** A suite that runs where its servers answer, and elsewhere says in its title how to enable it. */
export async function describeWith(
  servers: readonly Server[],
  title: string,
  body: () => void,
): Promise<void> {
  const answers = await Promise.all(
    servers.map(async (server) => [server, await isListening(SERVERS[server].url)] as const),
  );
  const missing = answers.filter(([, isThere]) => !isThere).map(([server]) => server);
  if (missing.length === 0) return void describe(title, body);
  const hints = missing.map(
    (server) => `${server} is not there, ${SERVERS[server].variable} can name another`,
  );
  describe.skip(`${title} (skipped: ${hints.join('; ')})`, body);
}

function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port), timeout: 2000 });
    const answer = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.on('connect', answer(true)).on('error', answer(false)).on('timeout', answer(false));
  });
}
