import { absentServers, hintAt } from './probe-servers.js';

/** Before the tests, as a summary that only counts what was skipped does not say how to get it run. */
export default async function nameAbsentServers(): Promise<void> {
  for (const server of await absentServers())
    console.warn(`Skipped: what needs ${server}. There is ${hintAt(server)}.`);
}
