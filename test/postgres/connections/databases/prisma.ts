import { PrismaPg } from '@prisma/adapter-pg';
import { fromPrisma } from '../../recipes/prisma.js';
import { PrismaClient } from '../../recipes/prisma-client/client.js';
import { type OpenDatabase, openDatabase } from './open-database.js';

export async function openPrisma(url: string): Promise<OpenDatabase> {
  const prisma = new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: 3 }) });
  return openDatabase(
    fromPrisma(prisma),
    (work) => prisma.$transaction(work, { maxWait: 30_000, timeout: 600_000 }), // 2 and 5 seconds are few on a busy machine
    () => prisma.$disconnect(),
  );
}
