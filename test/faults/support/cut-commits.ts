import type { ClientGate } from './tcp-proxy.js';

/**
 * What becomes of a COMMIT on its way: it is passed on, it never reaches the server, it gets there but its answer never
 * comes back, or everything ends while it is under way.
 */
export type CommitFate = 'passed' | 'before' | 'after' | 'under-way';

/** A gate that has the connection cut in the middle of COMMIT as `decide` says. */
export function cuttingCommits(decide: () => CommitFate): ClientGate {
  return (chunk, { client, server, forward }) => {
    const fate = isCommit(chunk) ? decide() : 'passed';
    if (fate === 'before') {
      client.destroy();
      return;
    }
    if (fate === 'after') server.removeAllListeners('data').on('data', () => client.resetAndDestroy());
    forward(chunk);
    if (fate === 'under-way') server.end(() => client.destroy());
  };
}

/**
 * As a message of type Query or Parse of PostgreSQL, or a packet with COM_QUERY of MySQL: no other text around it. Or the one
 * statement with which a repository over PostgreSQL commits.
 */
function isCommit(chunk: Buffer): boolean {
  if (chunk.includes('with backfill_records as materialized')) return true;
  return chunk.length < 200 && /\p{Cc}commit;?(\p{Cc}|$)/iu.test(chunk.toString('latin1'));
}
