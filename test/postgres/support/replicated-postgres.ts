import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { eventually } from '../../faults/support/eventually.js';
import { serverOwner } from '../../faults/support/forgetful-postgres.js';

/** A PostgreSQL of its own with a replica. */
export interface ReplicatedPostgres {
  readonly primary: pg.Pool;
  readonly replica: pg.Pool;
  readonly primaryUrl: string;
  close(): Promise<void>;
}

/** @param programs the directory of `initdb`, `pg_basebackup` and `postgres`. */
export async function startReplicatedPostgres(programs: string): Promise<ReplicatedPostgres> {
  const owner = await serverOwner();
  const directory = await mkdtemp(join(tmpdir(), 'replicated-'));
  if (owner !== null) await chown(directory, owner.uid, owner.gid);
  const at = { ...owner, cwd: directory };
  const servers: ChildProcess[] = [];
  const urlOf = (user: string, port: number) =>
    `postgres://${user}@localhost:${port}/postgres?host=${encodeURIComponent(directory)}`;

  const run = (program: string, flags: readonly string[]) =>
    promisify(execFile)(join(programs, program), flags, at);

  async function start(data: string, port: number): Promise<pg.Pool> {
    const flags = ['-D', data, '-p', `${port}`, '-k', directory, '-h', '', '-F', '-B', '16MB'];
    servers.push(spawn(join(programs, 'postgres'), flags, { ...at, stdio: 'ignore' }));
    const pool = new pg.Pool({ connectionString: urlOf('tester', port) });
    pool.on('error', () => {});
    await eventually(() => pool.query('select 1').catch(() => null), AbortSignal.timeout(60_000));
    return pool;
  }

  await run('initdb', ['-D', 'primary', '-U', 'tester', '-A', 'trust', '--no-sync']);
  const primary = await start('primary', 5432);
  const backup = [
    '-h',
    directory,
    '-U',
    'tester',
    '-D',
    'replica',
    '-R',
    '-X',
    'stream',
    '-c',
    'fast',
    '--no-sync',
  ];
  await run('pg_basebackup', backup);
  const replica = await start('replica', 5433);
  // The replica answers before it has caught up.
  const streaming = "select from pg_stat_replication where state = 'streaming'";
  await eventually(async () => (await primary.query(streaming)).rowCount === 1, AbortSignal.timeout(60_000));
  return {
    primary,
    replica,
    primaryUrl: urlOf('tester', 5432),
    async close() {
      await Promise.all([primary.end(), replica.end()]);
      for (const server of servers.toReversed()) {
        server.kill('SIGQUIT');
        await once(server, 'close');
      }
      await rm(directory, { recursive: true });
    },
  };
}
