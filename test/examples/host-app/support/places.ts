import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { DatabasePlace } from '../../../../examples/11-host-app/host/open-database.js';

export interface OwnPlace<Place extends DatabasePlace = DatabasePlace> {
  readonly place: Place;
  remove(): Promise<void>;
}

/** An empty folder for a PGlite. */
export async function createFolder(): Promise<OwnPlace<{ readonly folder: string }>> {
  const folder = await mkdtemp(join(tmpdir(), 'host-app-'));
  return { place: { folder }, remove: () => rm(folder, { recursive: true, force: true }) };
}

/** A name of a schema that nobody else uses, and of the one that the host makes for its jobs. */
export function createSchema(url: string): OwnPlace<{ readonly url: string; readonly schema: string }> {
  const schema = `test_${randomBytes(6).toString('hex')}`;
  return {
    place: { url, schema },
    async remove() {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client
        .query(`set client_min_messages = warning; drop schema if exists ${schema}, ${schema}_jobs cascade`)
        .finally(() => client.end());
    },
  };
}
