import type { CommitResult, InstanceWrites, RepositoryCommit, WriteOutcome } from 'process-metadata-backfill';
import { deleteRows } from './delete-rows.js';
import type { Dialect } from './dialects.js';
import { instancesIn, newestHashOf } from './page.js';
import { lockRecords, storeRecords } from './records.js';
import type { Database } from './tables.js';
import { writesAndDeletes } from './value-write.js';

/** Rolls the transaction back and becomes the result of `commit`. */
export class Refusal extends Error {
  constructor(readonly result: CommitResult) {
    super(result.status);
  }
}

/** The five steps of `BackfillRepository.commit`, inside a transaction. */
export async function applyCommit(
  database: Database,
  dialect: Dialect,
  commit: RepositoryCommit<number>,
): Promise<void> {
  const locked = await lockRecords(database, dialect, commit.expected);
  if (locked === null) throw new Refusal({ status: 'conflict' });
  if (commit.exhausted) {
    const left = await instancesIn(database, dialect, { ...commit.exhausted, limit: 1 })
      .select('i.id')
      .execute();
    if (left.length > 0) throw new Refusal({ status: 'not-exhausted' });
  }
  const outcome = await writeMetadata(database, dialect, commit.instances);
  try {
    await storeRecords(database, commit.next(outcome), locked);
  } catch (error) {
    throw dialect.isUniqueViolation(error) ? new Refusal({ status: 'conflict' }) : error;
  }
}

async function writeMetadata(
  database: Database,
  dialect: Dialect,
  instances: readonly InstanceWrites<number>[],
): Promise<WriteOutcome<number>> {
  if (instances.length === 0) return { gone: [], kept: [], moved: [] };
  const ids = instances.map(({ id }) => id);
  const isOneOfThem = dialect.isIn('i.id', ids);
  const locked = await database
    .selectFrom('process_instance as i')
    .select('i.id')
    .where(isOneOfThem)
    .orderBy('i.id')
    .modifyEnd(dialect.lockForShare)
    .execute();
  const living = new Set(locked.map(({ id }) => id));
  const present = instances.filter(({ id }) => living.has(id));
  const moved = await movedAmong(database, dialect, present);

  const [writes, deletes] = writesAndDeletes(present.filter(({ id }) => !moved.has(id)));
  const kept = [
    ...(writes.length === 0 ? [] : await dialect.write(database, writes)),
    ...(deletes.length === 0 ? [] : await deleteRows(database, dialect, deletes)),
  ];
  return {
    gone: ids.filter((id) => !living.has(id)),
    kept: kept.map(({ id, key }) => ({ id, key })),
    moved: [...moved],
  };
}

/** Comes after the locks: by then, a save that was under way has ended. */
async function movedAmong(
  database: Database,
  dialect: Dialect,
  instances: readonly InstanceWrites<number>[],
): Promise<ReadonlySet<number>> {
  const versions = new Map(
    instances.flatMap(({ id, version }) => (version === undefined ? [] : [[id, version]])),
  );
  if (versions.size === 0) return new Set();
  const current = await database
    .selectFrom('process_instance as i')
    .select(['i.id', newestHashOf(dialect, 'i.id').as('hash')])
    .where(dialect.isIn('i.id', [...versions.keys()]))
    .orderBy('i.id')
    .execute();
  return new Set(current.filter(({ id, hash }) => versions.get(id) !== (hash ?? '')).map(({ id }) => id));
}
