import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { DatabasePlace } from '../../../../examples/11-host-app/host/open-database.js';

const CHECKOUT = fileURLToPath(new URL('../../../..', import.meta.url));

export interface HostProcessOptions {
  readonly place: DatabasePlace;
  readonly instances: number;
  readonly instancesPerSecond: number;
  /** @default any free one */
  readonly port?: number;
}

/** The host application, in a process of its own. */
export interface HostProcess {
  /** Of the operator's pages. */
  readonly url: string;
  readonly port: number;
  /** As Ctrl-C does. */
  stop(): Promise<void>;
  /** No code of the process runs any more. */
  kill(): Promise<void>;
}

const started = new Set<ChildProcess>();

/** Resolves when its pages answer. */
export async function startHostProcess(options: HostProcessOptions): Promise<HostProcess> {
  const { place, instances, instancesPerSecond, port = 0 } = options;
  const child = spawn(process.execPath, ['--import', 'tsx', 'examples/11-host-app/main.ts'], {
    cwd: CHECKOUT,
    env: {
      ...process.env,
      DATABASE_URL: 'url' in place ? place.url : '',
      DEMO_NAME: 'url' in place ? place.schema : '',
      HOST_APP_FOLDER: 'url' in place ? '' : place.folder,
      HOST_APP_INSTANCES: String(instances),
      HOST_APP_RATE: String(instancesPerSecond),
      PORT: String(port),
    },
  });
  started.add(child);
  const ended = once(child, 'close').finally(() => started.delete(child));
  const url = await urlIn(child);
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal);
    await ended;
  };
  return {
    url,
    port: Number(new URL(url).port),
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** For after the tests, whether they have passed or not. */
export async function killHostProcesses(): Promise<void> {
  await Promise.all(
    [...started].map(async (child) => {
      const ended = once(child, 'close');
      child.kill('SIGKILL');
      await ended;
    }),
  );
}

function urlIn(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let output = '';
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (text) => {
        output += text;
        const [, url] = /The pages are at (\S+)\. /.exec(output) ?? [];
        if (url !== undefined) resolve(url);
      });
    child.once('close', () => reject(new Error(`The host application ended: ${output}`)));
  });
}
