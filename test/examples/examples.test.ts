import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { createDemoDatabase } from '../../examples/2-embedded-postgres/demo-database.js';
import { describeWith } from '../support/servers.js';

const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const MODEL = 'test_group/invoice_process';

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

const started: ChildProcess[] = [];

afterEach(() => {
  for (const child of started.splice(0)) if (child.exitCode === null) signalGroup(child, 'SIGKILL');
});

/**
 * As from a terminal: a process group of its own, which Ctrl-C reaches as a whole. Not by the `tsx` command: that kills
 * what has not answered a signal within 60 ms (`relaySignals` in tsx 4.23), which a busy machine is too slow for.
 */
function runExample(
  path: string,
  { words = [], ctrlCAt }: { words?: readonly string[]; ctrlCAt?: string } = {},
) {
  const imports = ['tsx', ...(ctrlCAt === undefined ? [] : ['./test/examples/support/press-ctrl-c.ts'])];
  const argv = [...imports.flatMap((name) => ['--import', name]), path, ...words];
  const env = { ...process.env, CTRL_C_AT: ctrlCAt };
  const child = spawn(process.execPath, argv, { cwd: CHECKOUT, detached: true, env });
  started.push(child);
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text) => (output += text));
  }
  return new Promise<Ended>((resolve, reject) => {
    child.once('error', reject).once('close', (exitCode) => resolve({ exitCode, output }));
  });
}

function signalGroup({ pid }: ChildProcess, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // it has ended in the meantime
  }
}

/** The library's log lines, without their tag; every one must carry the id of the same run. */
function logLines(output: string): string[] {
  const tagged = [...output.matchAll(/^celery_task_backfill_metadata\[([^\]]*)\]: (.*)$/gm)];
  expect(new Set(tagged.map(([, runId]) => runId)).size).toBe(1);
  return tagged.map(([, , line]) => line ?? '');
}

function progressLines(lines: readonly string[]): number[] {
  const pattern = new RegExp(
    `^Metadata backfill progress: (\\d+)/300 instances processed for model ${MODEL}$`,
  );
  return lines.flatMap((line) => pattern.exec(line)?.[1] ?? []).map(Number);
}

test('extract-and-diff prints what its README shows', async () => {
  const { exitCode, output } = await runExample('examples/0-extract-and-diff/main.ts');
  expect(output).toContain("new: [ 'invoice_number', 'first_article', 'discount' ]");
  expect(output.replace(/\s+/g, ' ')).toContain(
    "metadata: { invoice_number: 'INV-2024-0007', first_article: 'pump', discount: null }",
  );
  expect(exitCode).toBe(0);
});

test('opentelemetry prints what its README shows', async () => {
  const readme = await readFile('examples/10-opentelemetry/README.md', 'utf8');
  const shown = (/^```text\n(span [^`]*)…\n```$/m.exec(readme)?.[1] ?? '').trim();
  const { exitCode, output } = await runExample('examples/10-opentelemetry/main.ts');

  expect(shown.split('\n')).toHaveLength(4);
  expect(output).toContain(shown);
  expect(exitCode).toBe(0);
});

describe('own-repository', async () => {
  const readme = await readFile('examples/1-own-repository/README.md', 'utf8');
  /** Its commands, by their last word; without one, it needs no server. */
  const commands = new Map(
    [...readme.matchAll(/^npx tsx (\S+main\.ts) *(\w*)/gm)].map(([, main = '', word]) => [word ?? '', main]),
  );
  const shown = (/^```\n(✓[^`]*`after`[^`]*)```$/m.exec(readme)?.[1] ?? '').trim().split('\n');

  test('has a README with a command for each driver', () => {
    expect([...commands.keys()]).toEqual(['', 'postgres']);
    expect(shown).toHaveLength(3);
  });

  async function expectPromisesKept(word: string): Promise<void> {
    const { exitCode, output } = await runExample(commands.get(word) ?? '', { words: [word] });
    const lines = output.trim().split('\n');

    for (const line of shown) expect(output).toContain(line.replace(/…$/, ''));
    expect(lines.filter((line) => line.startsWith('✓')).length).toBeGreaterThan(30);
    expect(lines.filter((line) => line.startsWith('- not offered')).length).toBeGreaterThan(3);
    expect(output).not.toContain('✗');
    expect(lines.at(-1)).toBe('The repository keeps its promises.');
    expect(exitCode).toBe(0);
  }

  test('keeps every promise that it makes, and says which it does not', () => expectPromisesKept(''));

  describeWith(['PostgreSQL'], 'through pg', () => {
    test('keeps the same promises', () => expectPromisesKept('postgres'));
  });
});

function folderOf(output: string): string {
  return /^Its files are in (\S+)\.$/m.exec(output)?.[1] ?? expect.unreachable('no folder is named');
}

describe('embedded-postgres', () => {
  test('tells its progress in the fixed lines, with true counts, and agrees with SQL', async () => {
    const { exitCode, output } = await runExample('examples/2-embedded-postgres/main.ts');
    const lines = logLines(output);

    expect(lines[0]).toBe(`Starting metadata backfill for process model: ${MODEL}`);
    expect(progressLines(lines)).toEqual(Array.from({ length: 100 }, (_, index) => 3 * (index + 1)));
    expect(lines.filter((line) => line.startsWith('Error'))).toEqual([
      'Error processing metadata backfill for instance 42: the task data is not valid JSON',
    ]);
    // Of 300, 42 is broken; 300 has no completed task and so nothing that could be written.
    expect(lines.at(-2)).toMatch(
      new RegExp(
        `^Completed metadata backfill for process model: ${MODEL}\\. Processed: 299, Updated: 298, Time: \\d+\\.\\d\\ds$`,
      ),
    );
    expect(lines.at(-1)).toMatch(/^1 instances? failed\. /);
    expect(lines).toHaveLength(104);

    expect(output).toMatch(/✓ 865 new metadata rows, 0 of them other than SQL extracts them/);
    expect(output).toMatch(/✓ 299 rows from before, 0 of them touched/);
    expect(output).not.toContain('✗');
    expect(output).not.toContain('Warning:');
    expect(output).not.toContain('\u001b');
    expect(existsSync(folderOf(output))).toBe(false);
    expect(exitCode).toBe(0);
  });

  test('stops at Ctrl-C, exits with 130, and goes on by the command that it prints', async () => {
    const { exitCode, output } = await runExample('examples/2-embedded-postgres/main.ts', {
      ctrlCAt: 'progress: 51/300',
    });

    expect(exitCode).toBe(130);
    const lines = logLines(output);
    const [, stoppedAt, runId] =
      /^Stopped at (\d+)\/300; run (\w+) goes on from there with$/m.exec(output) ?? [];
    expect(Number(stoppedAt)).toBe(progressLines(lines).at(-1));
    expect(output).toContain(`celery_task_backfill_metadata[${runId}]: Starting`);
    expect(lines.some((line) => line.startsWith('Completed'))).toBe(false);
    expect(output).not.toContain('The same report now');

    const [, folder = ''] = /^ {2}npm run demo -- (\S+)$/m.exec(output) ?? [];
    expect(folder).toBe(folderOf(output));
    expect(output).toContain(`The demo is stopping already. After that, run npm run demo -- ${folder}\n`);
    const resumed = await runExample('examples/2-embedded-postgres/main.ts', { words: [folder] });
    expect(resumed.output).toContain(`Backfill ${runId} goes on.`);
    expect(progressLines(logLines(resumed.output))[0]).toBe(Number(stoppedAt) + 3);
    expect(resumed.output).toContain('✓ 865 new metadata rows, 0 of them other');
    expect(resumed.output).not.toContain('✗');
    expect(resumed.exitCode).toBe(0);
    expect(existsSync(folder)).toBe(false);
  });

  test('keeps nothing if Ctrl-C comes before there is a run', async () => {
    const { exitCode, output } = await runExample('examples/2-embedded-postgres/main.ts', {
      ctrlCAt: 'Executing',
    });

    expect(output).toContain('The demo is stopping already. After that, run npm run demo\n');
    expect(output).toContain('Nothing is kept. Start another with npm run demo\n');
    expect(existsSync(folderOf(output))).toBe(false);
    expect(exitCode).toBe(130);
  });

  test('refuses a folder that is not one of its own, before it opens or deletes it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'not-a-demo-'));
    const { exitCode, output } = await runExample('examples/2-embedded-postgres/main.ts', {
      words: [folder],
    });

    expect(output).toContain(`expected the folder that an interrupted demo has kept, got ${folder}, which`);
    expect(output.trim().split('\n')).toHaveLength(1);
    expect(exitCode).toBe(1);
    expect(await readdir(folder)).toEqual([]);
    await rm(folder, { recursive: true });
  });

  test('says so in one sentence where an earlier demo has left no run', async () => {
    const demo = await createDemoDatabase();
    await demo.close('keep');
    const { exitCode, output } = await runExample('examples/2-embedded-postgres/main.ts', {
      words: [demo.folder],
    });

    expect(output).toMatch(/stopped before there was a backfill; start another with npm run demo\n$/);
    expect(exitCode).toBe(1);
  });
});

describe('postgresql-tables', async () => {
  const readme = await readFile('examples/9-postgresql-tables/README.md', 'utf8');
  /** What it shows that its commands print. */
  const [ofN8n = '', ofOneTable = ''] = [...readme.matchAll(/^```text\n(.*?)^```$/gms)].map(
    ([, text]) => text,
  );
  const commands = [...readme.matchAll(/^npx tsx (\S+main\.ts) (\S+)$/gm)].map(([, main, host]) => [
    main,
    host,
  ]);
  const runHost = (host: string) => runExample('examples/9-postgresql-tables/main.ts', { words: [host] });

  test('has a README with a command for each host', () => {
    const main = 'examples/9-postgresql-tables/main.ts';
    expect(commands).toEqual([
      [main, 'n8n'],
      [main, 'one-table'],
    ]);
  });

  test("fills the tables of n8n, but no deleted instance and none of a user's values", async () => {
    const { exitCode, output } = await runHost('n8n');

    expect(output).toBe(ofN8n);
    expect(output).toContain('Warnings of check(): 0\n');
    expect(output).toContain('27 of 29 instances have new values.');
    expect(output).toMatch(/^ {2}3 .*"Bergen".*"Bergen".*"INV-3"/m);
    expect(output).toMatch(/^ {2}13 +success +– +– +← is soft-deleted$/m);
    expect(exitCode).toBe(0);
  });

  test('names the index that one table lacks, and fills members of its jsonb column', async () => {
    const { exitCode, output } = await runHost('one-table');

    expect(ofOneTable).toContain('create index concurrently on "instances" ("model", "created_at", "id");');
    expect(output.startsWith(ofOneTable)).toBe(true);
    expect(output).toContain('runBackfill() is completed: 29 of 30 instances have new values.');
    expect(output).toMatch(
      /updated .*\{"city": "Bergen"\} .*\{"city": "Bergen", "invoice_number": "INV-3"\}/,
    );
    expect(output).toMatch(/\{"city": null, "invoice_number": null\} +← has no data yet$/m);
    expect(exitCode).toBe(0);
  });

  test('names the hosts that it has', async () => {
    expect(await runHost('airflow')).toEqual({
      exitCode: 1,
      output: 'expected n8n or one-table, got airflow\n',
    });
  });
});
