import { connect } from 'node:net';
import { userInfo } from 'node:os';
import { describe, test } from 'vitest';

/** A server that some suites need; which one is the environment's to say. */
export interface TestServer {
  readonly title: string;
  readonly url: string;
  /** The variable that the url can be set by. */
  readonly variable: string;
  readonly isThere: boolean;
}

const { env } = process;

async function server(title: string, variable: string, standardUrl: string): Promise<TestServer> {
  const url = env[variable] || standardUrl;
  return { title, url, variable, isThere: await answers(url, new URL(standardUrl).port) };
}

// Only whether somebody listens: a wrong password is to fail the suite, not to skip it.
function answers(url: string, standardPort: string): Promise<boolean> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve) => {
    const host = hostname.replace(/^\[|\]$/g, '');
    const socket = connect({ host, port: Number(port || standardPort), timeout: 1000 });
    const settle = (isThere: boolean) => () => {
      socket.destroy();
      resolve(isThere);
    };
    socket.once('connect', settle(true)).once('timeout', settle(false)).once('error', settle(false));
  });
}

/** From the variables that `psql` reads. */
function postgresUrl(): string {
  const { PGHOST = '127.0.0.1', PGPORT = '5432', PGUSER, PGPASSWORD = '', PGDATABASE = 'postgres' } = env;
  const [user, password, database] = [PGUSER ?? userInfo().username, PGPASSWORD, PGDATABASE].map(
    encodeURIComponent,
  );
  return `postgres://${user}${password && `:${password}`}@${PGHOST}:${PGPORT}/${database}`;
}

export const [postgres, mariadb, redis] = await Promise.all([
  server('PostgreSQL', 'TEST_POSTGRES_URL', postgresUrl()),
  server('MariaDB', 'TEST_MARIADB_URL', 'mysql://root@127.0.0.1:3306/mysql'),
  server('Redis', 'TEST_REDIS_URL', 'redis://127.0.0.1:6379'),
]);

const servers = { postgres, mariadb, redis };

/**
 * A suite that needs a server. Without it, the suite is skipped and its title says how to get it run; with `CI=true`,
 * where nobody reads titles, it fails.
 */
export function describeWith(name: keyof typeof servers, title: string, body: (url: string) => void): void {
  const { title: serverTitle, url, variable, isThere } = servers[name];
  // Without the password that the url may have.
  const missing = `no ${serverTitle} answers at ${new URL(url).host}: start one, or set ${variable}`;
  if (isThere) {
    describe(title, () => body(url));
  } else if (env.CI === 'true') {
    describe(title, () => {
      test('has its server', () => {
        throw new Error(missing);
      });
    });
  } else {
    describe.skip(`${title} (skipped, ${missing})`, () => body(url));
  }
}
