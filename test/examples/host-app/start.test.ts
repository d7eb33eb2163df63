import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../../../examples/11-host-app/host/open-database.js';
import { startHostApp } from '../../../examples/11-host-app/host/start-host-app.js';
import { createFolder, type OwnPlace } from './support/places.js';

let own: OwnPlace<{ readonly folder: string }>;

beforeAll(async () => {
  own = await createFolder();
});

afterAll(() => own?.remove());

test('a second start finds the port in use, and does not touch the data', async () => {
  const first = createServer();
  await new Promise<void>((resolve) => first.listen(0, '127.0.0.1', resolve));
  const starting = startHostApp({
    place: own.place,
    fresh: false,
    port: (first.address() as AddressInfo).port,
    instances: 1,
    instancesPerSecond: null,
    saveEveryMs: null,
    logger: { info() {}, warn() {}, error() {} },
    print: () => {},
  });
  await expect(starting).rejects.toThrow('EADDRINUSE');
  expect(await readdir(own.place.folder)).toEqual([]);
  first.close();
});

test('a fresh start removes no folder but that of a PGlite', async () => {
  await writeFile(join(own.place.folder, 'thesis.txt'), 'years of work');
  await expect(openDatabase(own.place, { fresh: true })).rejects.toThrow(
    /^HOST_APP_FOLDER: expected a folder/,
  );
  expect(await readdir(own.place.folder)).toEqual(['thesis.txt']);
});

test('data that another process uses are refused, and those of a dead process are not', async () => {
  const file = `${own.place.folder}.pid`;
  const child = spawn(process.execPath, ['-e', '']);
  await writeFile(file, String(process.ppid));
  await expect(openDatabase(own.place, { fresh: true })).rejects.toThrow(
    `The data in ${own.place.folder} are in use by process ${process.ppid}.`,
  );
  await once(child, 'exit');
  await writeFile(file, String(child.pid));
  await expect(openDatabase(own.place, { fresh: true })).rejects.toThrow(/^HOST_APP_FOLDER/);
  expect(existsSync(file)).toBe(false);
});
