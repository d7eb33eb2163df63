import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startHostApp } from './host/start-host-app.js';

const { DATABASE_URL, DEMO_NAME, PORT, HOST_APP_FOLDER, HOST_APP_INSTANCES, HOST_APP_RATE } = process.env;
const place = DATABASE_URL
  ? { url: DATABASE_URL, schema: DEMO_NAME || 'demo_host_app' }
  : { folder: HOST_APP_FOLDER || join(tmpdir(), 'metadata-backfill-host-app') };

const host = await startHostApp({
  place,
  fresh: process.argv.includes('fresh'),
  port: Number(PORT || 3000),
  instances: Number(HOST_APP_INSTANCES || 3000),
  instancesPerSecond: Number(HOST_APP_RATE || 200),
  saveEveryMs: 2_000,
  logger: { info() {}, warn: console.warn, error: console.error },
  print: (line) => console.log(line),
});
console.log(`The pages are at ${host.url}. Ctrl-C ends the server.`);
console.log(`The data are in ${'url' in place ? `the schema ${place.schema}` : place.folder}.`);
await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')]);
await host.close();
