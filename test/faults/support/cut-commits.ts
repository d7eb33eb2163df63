import type { ClientGate } from './tcp-proxy.js';

/**
 * What becomes of a COMMIT on its way: it is passed on, it never reaches the server, it gets there but its answer never
 * comes back, or everything ends while it is under way.
 */
export type CommitFate = 'passed' | 'before' | 'after' | 'under-way';

/** A gate that has the connection cut in the middle of COMMIT as `decide` says. */
export function cuttingCommits(decide: () => CommitFate): ClientGate {
  return (chunk, { client, server, forward }) => {
    const fate = chunk.equals(COMMIT) ? decide() : 'passed';
    if (fate === 'before') {
      client.destroy();
      return;
    }
    if (fate === 'after') server.removeAllListeners('data').on('data', () => client.resetAndDestroy());
    forward(chunk);
    if (fate === 'under-way') server.end(() => client.destroy());
  };
}

/** A message of type Query, as node-postgres sends it for a statement without parameters. */
const COMMIT = Buffer.concat([Buffer.from('Q'), Buffer.from([0, 0, 0, 11]), Buffer.from('commit\0')]);
