import type { ClientGate } from './tcp-proxy.js';

/**
 * What becomes of a COMMIT on its way: it is passed on, it never reaches the server, it gets there but its answer never
 * comes back, or everything ends while it is under way.
 */
export type CommitFate = 'passed' | 'before' | 'after' | 'under-way';

/** A gate that has the connection cut in the middle of COMMIT as `decide` says. */
export function cuttingCommits(decide: () => CommitFate): ClientGate {
  return (chunk, { client, server, forward }) => {
    const fate = COMMITS.some((commit) => chunk.equals(commit)) ? decide() : 'passed';
    if (fate === 'before') {
      client.destroy();
      return;
    }
    if (fate === 'after') server.removeAllListeners('data').on('data', () => client.resetAndDestroy());
    forward(chunk);
    if (fate === 'under-way') server.end(() => client.destroy());
  };
}

/** As node-postgres (a message of type Query) and mysql2 (a packet with COM_QUERY) send it. */
const COMMITS = [Buffer.from('Q\0\0\0\x0bcommit\0'), Buffer.from('\x07\0\0\0\x03commit')];
