import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';

/** What host code imports at run time. A name that disappears here is a breaking change. */
const NAMES: Readonly<Record<string, readonly string[]>> = {
  '.': [
    'BackfillError',
    'InvalidExtractionPathsError',
    'InvalidInputError',
    'MetadataValueError',
    'PortError',
    'RepositoryContractError',
    'RunError',
    'compileExtractor',
    'createBackfillService',
    'diffExtractionPaths',
    'extractMetadata',
    'formatMetadataValue',
    'isBackfillError',
    'loadBackfillConfig',
    'runBackfill',
  ],
  './memory': ['createInProcessQueue', 'createMemoryRepository'],
  './testing': ['queueConformance', 'repositoryConformance', 'withFaults'],
};

test.each(Object.entries(NAMES))('the entry %s exports these names and no other', async (entry, names) => {
  const source = entry === '.' ? '../src/index.ts' : `../src/${entry}/index.ts`;
  const exported = await import(source);
  expect(Object.keys(exported).sort()).toEqual(names);
});

test('the package has these entries and no other way in', async () => {
  const { exports } = JSON.parse(await readFile(new URL('../package.json', import.meta.url), 'utf8'));
  expect(Object.keys(exports).sort()).toEqual([...Object.keys(NAMES), './package.json'].sort());
});
