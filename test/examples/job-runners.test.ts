import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import pg from 'pg';
import { afterAll, afterEach, expect, test } from 'vitest';
import { serverUrl } from '../support/server-urls.js';
import { describeWith } from '../support/servers.js';

const RUNNERS = [
  ['4-pg-boss', ['PostgreSQL']],
  ['5-bullmq', ['PostgreSQL', 'Redis']],
  ['6-graphile-worker', ['PostgreSQL']],
  ['7-rabbitmq', ['PostgreSQL', 'RabbitMQ']],
  ['8-cron', ['PostgreSQL']],
] as const;

interface Started extends ChildProcess {
  output: string;
}

for (const [example, servers] of RUNNERS) {
  const readme = await readFile(`examples/${example}/README.md`, 'utf8');
  /** The commands of its README, by their last word; without one, it does everything. */
  const commands = new Map(
    [...readme.matchAll(/^npx tsx (\S+main\.ts) *(\w*)/gm)].map(([, main = '', word]) => [
      word || 'all',
      main,
    ]),
  );

  test(`the README of ${example} has every command`, () => {
    expect([...commands.keys()]).toEqual(
      expect.arrayContaining(['all', 'worker', 'request', 'check', 'clean']),
    );
  });

  describeWith(servers, `example ${example}`, () => {
    const name = `test_${randomBytes(6).toString('hex')}`;
    const children: Started[] = [];

    function start(command: string, ...rest: string[]): Started {
      const words = command === 'all' ? [] : [command, ...rest];
      const child = spawn(process.execPath, ['--import', 'tsx', commands.get(command) ?? '', ...words], {
        env: { ...process.env, DEMO_NAME: name },
      });
      const started = Object.assign(child, { output: '' });
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data) => (started.output += String(data)));
      children.push(started);
      return started;
    }

    async function ended(child: Started) {
      const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
      return { code, output: child.output };
    }

    async function said(child: Started, text: string): Promise<void> {
      while (!child.output.includes(text) && child.exitCode === null)
        await once(child.stdout ?? child, 'data');
      expect(child.output).toContain(text);
    }

    async function connect(): Promise<pg.Client> {
      const connectionString = serverUrl('PostgreSQL');
      const client = new pg.Client({ connectionString, options: `-c search_path=${name}` });
      await client.connect();
      return client;
    }

    /** No run gets past this instance until the answer is called. */
    async function lockInstance(id: number): Promise<() => Promise<void>> {
      const client = await connect();
      await client.query('begin');
      const locked = await client.query('select from process_instance where id = $1 for update', [id]);
      expect(locked.rowCount).toBe(1);
      return () => client.end();
    }

    /** The instances as they were before the model was updated: to execute them anew takes long. */
    async function takeBackUpdate(): Promise<void> {
      const client = await connect();
      await client.query(`
        update process_model set paths = '[{ "key": "customer_id", "path": "customer.id" }]';
        delete from process_instance_metadata where key <> 'customer_id';
        truncate metadata_backfill_run`);
      await client.end();
    }

    const clean = async () => expect(await ended(start('clean'))).toMatchObject({ code: 0 });

    afterEach(() => {
      for (const child of children.splice(0)) if (child.exitCode === null) child.kill('SIGKILL');
    });
    afterAll(clean);

    test('does everything in one process, and SQL agrees with its report', async () => {
      const { code, output } = await ended(start('all'));

      expect(output).toContain('✓ the run is completed: 300 of 300 instances processed');
      expect(output).not.toContain('✗');
      expect(code).toBe(0);
      await takeBackUpdate();
    });

    test('a worker that is ended in the middle hands over to another', async () => {
      expect(await ended(start('request'))).toMatchObject({ code: 0 });
      const unlock = await lockInstance(250); // so that the first one cannot be done before it is told to end
      const first = start('worker');
      await said(first, '100/300');
      first.kill('SIGTERM');
      await unlock();
      expect(await ended(first)).toMatchObject({
        code: 0,
        output: expect.stringContaining('has handed over'),
      });
      expect(first.output).not.toContain('300/300');

      const second = start('worker');
      const checked = await ended(start('check'));
      second.kill('SIGTERM');
      await ended(second);

      expect(checked.output).toContain('✓ the run is completed: 300 of 300 instances processed');
      expect(checked).toMatchObject({ code: 0 });
      await takeBackUpdate();
    });

    if (commands.has('tick'))
      test('ticks work on a run, and leave it alone while it is paused', async () => {
        expect(await ended(start('request'))).toMatchObject({ code: 0 });
        // Half a second is never enough for thirty commits, each of which sleeps for twenty milliseconds.
        // If somebody's transaction is open, the run may not even have been started.
        expect(await ended(start('tick'))).toMatchObject({
          code: 0,
          output: expect.stringMatching(/ continued: \d+ of (300|0)$/m),
        });

        expect((await ended(start('pause'))).output).toMatch(/ paused: \d+ of (300|0)$/m);
        expect(await ended(start('tick'))).toMatchObject({ code: 0, output: '' });
        expect((await ended(start('status'))).output).toMatch(/ paused: \d+ of (300|0)$/m);
        expect((await ended(start('resume'))).output).toMatch(/ (running: \d+ of 300|pending: 0 of 0)$/m);
        while (!(await ended(start('status'))).output.includes(' completed: 300 of 300'))
          expect(await ended(start('tick'))).toMatchObject({ code: 0 });

        expect(await ended(start('check'))).toMatchObject({ code: 0 });
        await takeBackUpdate();
      });

    test('a request for later is not started before', async () => {
      const worker = start('worker');
      await said(worker, 'waits for jobs');
      const requestedAt = Date.now();
      expect(await ended(start('request', '3'))).toMatchObject({ code: 0 });
      await said(worker, 'Starting metadata backfill');

      expect(Date.now() - requestedAt).toBeGreaterThanOrEqual(3000);
      worker.kill('SIGTERM');
      await ended(worker);
    });
  });
}
