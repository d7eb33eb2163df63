import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { createRunTable } from 'process-metadata-backfill/postgres';
import { pgliteDatabase, type SqlDatabase } from './sql.js';

const PREFIX = 'metadata-backfill-demo-';

export interface DemoDatabase {
  readonly pglite: PGlite;
  readonly database: SqlDatabase;
  readonly folder: string;
  /** Closes it. A folder that is kept can be opened again. */
  close(end: 'keep' | 'delete'): Promise<void>;
}

/** A PostgreSQL in this process, with the tables of `schema.sql` and the table of runs, in a new folder for temporary files. */
export async function createDemoDatabase(): Promise<DemoDatabase> {
  const demo = await open(await mkdtemp(join(tmpdir(), PREFIX)));
  await demo.pglite.exec(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
  await demo.pglite.exec(createRunTable());
  return demo;
}

/** Whether an interrupted demo has kept this folder. Others must not be opened: the folder is deleted at the end. */
export function isKeptFolder(folder: string): boolean {
  return basename(folder).startsWith(PREFIX) && existsSync(join(folder, 'PG_VERSION'));
}

export function openKeptDatabase(folder: string): Promise<DemoDatabase> {
  return open(folder);
}

async function open(folder: string): Promise<DemoDatabase> {
  const pglite = await PGlite.create(folder);
  return {
    pglite,
    database: pgliteDatabase(pglite),
    folder,
    async close(end) {
      await pglite.close();
      if (end === 'delete') await rm(folder, { recursive: true });
    },
  };
}
