import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const source = (path: string): string => fileURLToPath(new URL(`../src/${path}`, import.meta.url));

export default defineConfig({
  root: fileURLToPath(new URL('..', import.meta.url)),
  resolve: {
    alias: [
      { find: /^process-metadata-backfill$/, replacement: source('index.ts') },
      { find: /^process-metadata-backfill\/memory$/, replacement: source('memory/index.ts') },
      { find: /^process-metadata-backfill\/testing$/, replacement: source('testing/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: source('../test/support/name-absent-servers.ts'),
    // Examples that tests start as processes import the package from src, too: dist belongs to nobody's test.
    env: { TSX_TSCONFIG_PATH: source('../test/tsconfig.json') },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
