import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';

const COPIED = 'EMPTY_PGLITE';

/** PostgreSQL inside this process, empty. A copy of an empty one takes a fraction of the time of a new one. */
export async function createPglite(): Promise<PGlite> {
  const file = process.env[COPIED];
  if (file === undefined) return PGlite.create();
  return PGlite.create({ loadDataDir: new Blob([await readFile(file)]) });
}

/** Before all tests: makes the one to copy. Returns what removes it. */
export default async function keepEmptyPglite(): Promise<() => Promise<void>> {
  const folder = await mkdtemp(join(tmpdir(), 'empty-pglite-'));
  const pglite = await PGlite.create();
  const dump = await pglite.dumpDataDir('none');
  await pglite.close();
  const file = join(folder, 'data.tar');
  await writeFile(file, Buffer.from(await dump.arrayBuffer()));
  process.env[COPIED] = file;
  return () => rm(folder, { recursive: true });
}
