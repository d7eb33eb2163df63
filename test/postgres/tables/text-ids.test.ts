import { runBackfill } from 'process-metadata-backfill';
import { expect, test } from 'vitest';
import { ODD_TEXTS } from '../../stores/odd-texts.js';
import { textIds } from '../hosts/text-ids.js';
import { useHost } from '../hosts/use-host.js';

const opened = useHost(textIds);

const ODD_IDS = [
  ...ODD_TEXTS,
  'null',
  'NULL',
  '',
  ' ',
  '{}',
  '{a,b}',
  '"',
  '\\',
  "'",
  'é',
  'e\u0301',
  'ｚ',
  '🧾',
];

test('instances with odd ids are walked in the order of their bytes, and each gets its value', async () => {
  const { repository, processModelId, insertInstances, metadata, deleteInstance } = opened();
  const ids = [...new Set(ODD_IDS)];
  await insertInstances(
    ids.map((id, index) => ({
      id,
      processModelId,
      running: index > 3 && index % 2 === 0, // those are not cleared
      tasks: [
        {
          id: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}`,
          state: 'COMPLETED',
          endedAt: null,
          data: { city: `Oslo ${index}` },
        },
      ],
    })),
  );
  const paths = [{ key: 'city', path: 'city' }];

  for (const [batchSize, updated] of [
    [1, ids.length],
    [3, 0],
  ] as const) {
    const report = await runBackfill({ repository, processModelId, paths, batchSize, shards: batchSize });
    expect(report).toMatchObject({ state: 'completed', processed: ids.length, updated });
  }
  for (const mode of ['overwrite', 'remove'] as const) {
    const report = await runBackfill({
      repository,
      processModelId,
      paths: mode === 'overwrite' ? [{ key: 'city', path: 'town' }] : [{ key: 'city', path: 'city' }],
      mode,
      ...(mode === 'overwrite' && { clear: true, instanceIds: ids.slice(0, 4) }),
    });
    expect(report.state).toBe('completed');
    for (const [index, id] of ids.entries()) {
      const isCleared = mode === 'remove' || index < 4;
      const rows = await metadata(id);
      expect(rows.city ?? null).toBe(isCleared ? null : `Oslo ${index}`);
    }
  }
  const bytes = ids.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect((await opened().read()).map(({ id }) => id)).toEqual(bytes);
  for (const id of ids) await deleteInstance(id);
});
