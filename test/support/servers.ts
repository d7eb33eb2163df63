import { describe, test } from 'vitest';
import { CHROMIUM_HINT, chromiumProgram } from './chromium.js';
import { PROGRAMS_HINT, postgresPrograms } from './postgres-programs.js';
import { absentServers, hintAt } from './probe-servers.js';
import { type Server, serverUrl } from './server-urls.js';

const [absent, programs, chromium] = await Promise.all([
  absentServers(),
  postgresPrograms(),
  chromiumProgram(),
]);

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
  describeUnless(hints, title, () => body(urls as Record<Needed, string>));
}

/** The same for a suite that starts a PostgreSQL of its own, from the programs in a directory. */
export function describeWithPrograms(title: string, body: (programs: string) => void): void {
  describeUnless(programs === null ? [PROGRAMS_HINT] : [], title, () => body(programs ?? ''));
}

/** The same for a suite that drives a browser. */
export function describeWithChromium(title: string, body: (program: string) => void): void {
  describeUnless(chromium === null ? [CHROMIUM_HINT] : [], title, () => body(chromium ?? ''));
}

function describeUnless(hints: readonly string[], title: string, body: () => void): void {
  if (hints.length === 0) {
    describe(title, body);
  } else if (process.env.CI === 'true') {
    test(`${title} has its servers`, () => {
      throw new Error(hints.join('; '));
    });
  } else {
    describe.skip(`${title} (skipped: ${hints.join('; ')})`, body);
  }
}
