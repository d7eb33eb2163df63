import { repositoryConformance } from 'process-metadata-backfill/testing';
import { createFixture } from './fixture.js';
import { openPglite, openPostgres } from './open-database.js';
import { createRepository } from './repository.js';

const url = process.env.DATABASE_URL || 'postgres://root@127.0.0.1:5432/postgres';
const { database, close } = process.argv[2] === 'postgres' ? await openPostgres(url) : await openPglite();
const fixture = createFixture(database, createRepository(database));

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
await close();
