import { CHROMIUM_HINT, chromiumProgram } from './chromium.js';
import { PROGRAMS_HINT, postgresPrograms } from './postgres-programs.js';
import { absentServers, hintAt } from './probe-servers.js';

/** Before the tests, as a summary that only counts what was skipped does not say how to get it run. */
export default async function nameAbsentServers(): Promise<void> {
  for (const server of await absentServers())
    console.warn(`Skipped: what needs ${server}. There is ${hintAt(server)}.`);
  if ((await postgresPrograms()) === null)
    console.warn(`Skipped: what starts a PostgreSQL of its own. There is ${PROGRAMS_HINT}.`);
  if ((await chromiumProgram()) === null)
    console.warn(`Skipped: what drives a browser. There is ${CHROMIUM_HINT}.`);
}
