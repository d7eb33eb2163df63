import type { PostgresConnection, PostgresDatabase } from 'process-metadata-backfill/postgres';
import type { Prisma, PrismaClient } from './prisma-client/client.js';

export function fromPrisma(prisma: PrismaClient): PostgresDatabase<Prisma.TransactionClient> {
  const on = (client: Prisma.TransactionClient): PostgresConnection => ({
    query: async (text, values) => client.$queryRawUnsafe<unknown[]>(text, ...values),
  });
  return {
    ...on(prisma),
    transaction: (work) =>
      prisma.$transaction((transaction) => work(on(transaction)), {
        isolationLevel: 'ReadCommitted',
        maxWait: 30_000, // milliseconds until a connection is free
        timeout: 600_000, // Prisma rolls back after 5 seconds unless told otherwise.
      }),
    within: on,
  };
}
