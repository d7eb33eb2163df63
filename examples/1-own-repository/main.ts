import { readFile } from 'node:fs/promises';
import { PGlite } from '@electric-sql/pglite';
import { type RepositoryFixture, repositoryConformance } from 'process-metadata-backfill/testing';
import { pgliteDatabase } from '../2-embedded-postgres/sql.js';
import { createFixture } from './fixture.js';
import { createRepository } from './repository.js';

const pglite = await PGlite.create();
await pglite.exec(await readFile(new URL('schema.sql', import.meta.url), 'utf8'));
const database = pgliteDatabase(pglite);
const fixture: RepositoryFixture<never, number> = createFixture(database, createRepository(database));

let broken = 0;
for (const { name, run } of repositoryConformance(() => fixture)) {
  let verdict = '✓';
  const skip = (reason: string): void => {
    verdict = `- ${reason}:`;
  };
  await run({ skip }).catch((error: Error) => {
    verdict = `✗ ${error.message}\n `;
    broken += 1;
  });
  console.log(`${verdict} ${name}`);
}
console.log(broken === 0 ? 'The repository keeps its promises.' : `${broken} promises are broken.`);
process.exitCode = broken === 0 ? 0 : 1;
await pglite.close();
