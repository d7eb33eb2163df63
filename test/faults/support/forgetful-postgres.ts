import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { eventually } from './eventually.js';

/** A PostgreSQL of its own. A crash takes all commits since `remember` that were made with `synchronous_commit = off`. */
export interface ForgetfulPostgres {
  readonly url: string;
  /** Writes out every commit so far. */
  remember(): Promise<void>;
  /** Kills the server, and starts it again. */
  crash(): Promise<void>;
  close(): Promise<void>;
}

/** Nothing writes out commits by itself, and there is room in memory for all of them. */
const SETTINGS = {
  fsync: 'off', // the machine stays up: what the server has written out survives it
  autovacuum: 'off',
  bgwriter_lru_maxpages: '0',
  checkpoint_timeout: '1d',
  max_wal_size: '4GB',
  shared_buffers: '64MB',
  wal_buffers: '64MB',
  wal_writer_delay: '10s',
  listen_addresses: '',
};

const REMEMBER = `
  begin;
  set local synchronous_commit = on;
  select pg_logical_emit_message(true, 'test', 'remember');
  commit`;

const PROCESSES = 'select pid, wait_event as waits from pg_stat_activity';

interface ServerProcess {
  readonly pid: number;
  readonly waits: string | null;
}

/** @param programs the directory of `initdb` and `postgres`. */
export async function startForgetfulPostgres(programs: string): Promise<ForgetfulPostgres> {
  const owner = await serverOwner();
  const directory = await mkdtemp(join(tmpdir(), 'forgetful-'));
  if (owner !== null) await chown(directory, owner.uid, owner.gid);
  const data = join(directory, 'data');
  const cluster = ['-D', data, '-U', 'tester', '-A', 'trust', '--locale=C', '--encoding=UTF8', '--no-sync'];
  await promisify(execFile)(join(programs, 'initdb'), cluster, { ...owner, cwd: directory });
  const url = `postgres://tester@localhost:5432/postgres?host=${encodeURIComponent(directory)}`;
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: directory });
  const flags = settings.flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  const admin = new pg.Pool({ connectionString: url, max: 1 });
  admin.on('error', () => {});
  let server: ChildProcess;
  let writer: number;
  /** The server and all its processes, which share its output, have ended. */
  let ended: Promise<unknown>;

  async function start(): Promise<void> {
    server = spawn(join(programs, 'postgres'), ['-D', data, ...flags], {
      ...owner,
      cwd: directory,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let output = '';
    server.stderr?.on('data', (text) => (output += text));
    ended = once(server, 'close');
    const waiting = new AbortController();
    void ended.then(() => waiting.abort(new Error(`PostgreSQL has ended: ${output}`)));
    writer = await eventually(() => stopWalWriter().catch(() => null), waiting.signal);
  }

  async function processes(): Promise<readonly ServerProcess[]> {
    return (await admin.query(PROCESSES)).rows;
  }

  const idleWalWriter = async () => (await processes()).find(({ waits }) => waits === 'WalWriterMain')?.pid;

  /** Not in the middle of its work, with locks that everybody else would wait for. */
  async function stopWalWriter(): Promise<number | null> {
    const pid = await idleWalWriter();
    if (pid === undefined) return null;
    process.kill(pid, 'SIGSTOP');
    if ((await idleWalWriter()) === pid) return pid;
    process.kill(pid, 'SIGCONT');
    return null;
  }

  async function close(): Promise<void> {
    signal(writer, 'SIGCONT');
    await admin.end();
    server.kill('SIGINT');
    await ended;
    await rm(directory, { recursive: true });
  }

  await start();
  return {
    url,
    remember: async () => void (await admin.query(REMEMBER)),
    async crash() {
      const children = await processes();
      server.kill('SIGKILL'); // first: it would notice the death of a child
      for (const { pid } of children) signal(pid, 'SIGKILL');
      await ended;
      await start();
    },
    close,
  };
}

/** The process may have ended by itself, as most do once the server has gone. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {}
}

/** PostgreSQL refuses to run as root. */
export async function serverOwner(): Promise<{ readonly uid: number; readonly gid: number } | null> {
  if (process.getuid?.() !== 0) return null;
  const idOf = async (flag: string) => Number((await promisify(execFile)('id', [flag, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
