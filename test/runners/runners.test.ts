import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterAll, expect, test } from 'vitest';
import { describeWith } from '../support/servers.js';

const RUNNERS = [
  ['3-pg-boss', ['PostgreSQL']],
  ['4-bullmq', ['PostgreSQL', 'Redis']],
  ['5-graphile-worker', ['PostgreSQL']],
] as const;

for (const [example, servers] of RUNNERS) {
  describeWith(servers, `example ${example}`, () => {
    const name = `test_${example.slice(2).replace('-', '_')}_${Math.random().toString(36).slice(2, 10)}`;
    const start = (command: string): ChildProcess & { output: string } => {
      const child = spawn(process.execPath, ['--import', 'tsx', `examples/${example}/main.ts`, command], {
        env: { ...process.env, DEMO_NAME: name },
      });
      const started = Object.assign(child, { output: '' });
      for (const stream of [child.stdout, child.stderr])
        stream.on('data', (data) => (started.output += String(data)));
      return started;
    };
    const ended = async (child: ChildProcess & { output: string }) => {
      const [code] = child.exitCode === null ? await once(child, 'exit') : [child.exitCode];
      return { code, output: child.output };
    };

    afterAll(async () => {
      await ended(start('clean'));
    });

    test('does everything in one process, and SQL agrees with its report', async () => {
      const { code, output } = await ended(start('all'));

      expect(output).toContain('✓ the run is completed: 300 of 300 instances processed');
      expect(output).not.toContain('✗');
      expect(code).toBe(0);
      await ended(start('clean'));
    }, 180_000);

    test('a worker that is ended in the middle hands over to another', async () => {
      const first = start('worker');
      await once(first.stdout ?? first, 'data');
      const requested = await ended(start('request'));
      expect(requested).toMatchObject({ code: 0 });
      while (!first.output.includes('100/300') && first.exitCode === null)
        await once(first.stdout ?? first, 'data');
      first.kill('SIGTERM');
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
    }, 180_000);
  });
}
