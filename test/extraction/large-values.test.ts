import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { formatMetadataValue } from '../../src/extraction/format-metadata-value.js';
import { collectGarbage } from '../support/collect-garbage.js';

describe('a value of 80 MB that is cut to 255 characters', () => {
  test('is cut at once in a heap of 512 MB, whatever it is', async () => {
    const script = fileURLToPath(new URL('support/large-values.ts', import.meta.url));
    const { stdout } = await promisify(execFile)(process.execPath, [
      '--max-old-space-size=512',
      '--import',
      'tsx',
      script,
    ]);
    const cases = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(cases.pop()).toEqual({ name: 'run', state: 'completed', length: 255 });
    expect(cases).toHaveLength(18);
    for (const each of cases) {
      expect(each).toMatchObject({ length: 255, truncated: true });
      expect(each.ms, JSON.stringify(each)).toBeLessThan(1000);
    }
  });

  test.each(['x', 'é', '金'])('keeps none of the rest in memory (%s)', (unit) => {
    const cut = () => {
      const value: string = JSON.parse(JSON.stringify(unit.repeat(2_000_000)));
      return [
        formatMetadataValue(value, { maxLength: 255 }),
        formatMetadataValue([value], { maxLength: 255 }),
      ];
    };
    collectGarbage();
    const before = process.memoryUsage().heapUsed;
    const kept = Array.from({ length: 20 }, cut);
    collectGarbage();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(4_000_000);
    expect(kept.flat().every(({ truncated }) => truncated)).toBe(true);
  });
});
