import { execFile } from 'node:child_process';
import { access, constants, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const PROGRAMS_HINT =
  'no initdb and no postgres where pg_config says or in /usr/lib/postgresql, install the PostgreSQL server';

/** The directory of `initdb` and `postgres`, for tests that start a server of their own. `null`: there is none. */
export async function postgresPrograms(): Promise<string | null> {
  for (const directory of [...(await fromPgConfig()), ...(await fromDebian())])
    if (await hasPrograms(directory)) return directory;
  return null;
}

function fromPgConfig(): Promise<string[]> {
  return promisify(execFile)('pg_config', ['--bindir']).then(
    ({ stdout }) => [stdout.trim()],
    () => [],
  );
}

/** The newest version first. */
async function fromDebian(): Promise<string[]> {
  const root = '/usr/lib/postgresql';
  const versions = await readdir(root).catch(() => []);
  return versions.sort((a, b) => Number(b) - Number(a)).map((version) => join(root, version, 'bin'));
}

function hasPrograms(directory: string): Promise<boolean> {
  const programs = ['initdb', 'postgres'].map((name) => access(join(directory, name), constants.X_OK));
  return Promise.all(programs).then(
    () => true,
    () => false,
  );
}
