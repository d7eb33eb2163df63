import type {
  BackfillRepository,
  CommitResult,
  InstanceSnapshot,
  InstanceSurvey,
  InstanceWrites,
  MetadataWrite,
  PageEntry,
  PagePath,
  PageQuery,
  RepositoryCommit,
  RunRecord,
  StoredValue,
  SurveyQuery,
  WriteOutcome,
} from 'process-metadata-backfill';
import { MODEL } from '../support/instances.js';

interface Host<Transaction = never> {
  readonly repository: BackfillRepository<Transaction, number>;
}

const { signal } = new AbortController();

export function path(key: string, mode: PagePath['mode'] = 'fill'): PagePath {
  return { key, segments: [key], mode };
}

export function fill(key: string, value: string): MetadataWrite {
  return { key, value };
}

export function record(fields: Partial<RunRecord>): RunRecord {
  const run = { id: 'run', runId: 'run', processModelId: MODEL };
  return { ...run, revision: 'first', activeKey: 'key', content: {}, ...fields };
}

export function survey(
  { repository }: Host,
  query: Partial<SurveyQuery<number>> = {},
): Promise<InstanceSurvey> {
  const all = { processModelId: MODEL, instanceIds: null, after: null, limit: null };
  return repository.surveyInstances({ ...all, signal, ...query });
}

/** What a page shows one by one. */
export async function read(
  host: Host,
  query: Partial<PageQuery<number>> = {},
): Promise<InstanceSnapshot<number>[]> {
  const page = await readPage(host, query);
  return page.filter((entry): entry is InstanceSnapshot<number> => !('filled' in entry));
}

export function readPage(
  { repository }: Host,
  query: Partial<PageQuery<number>> = {},
): Promise<readonly PageEntry<number>[]> {
  const all = { processModelId: MODEL, instanceIds: null, after: null, upTo: 2 ** 31 - 1, limit: 100 };
  return repository.readInstances({
    ...all,
    paths: [path('invoice_number'), path('city')],
    signal,
    ...query,
  });
}

export async function readOne(
  host: Host,
  query: Partial<PageQuery<number>> = {},
): Promise<InstanceSnapshot<number>> {
  const [snapshot] = await read(host, query);
  if (snapshot === undefined) throw new Error('expected an instance');
  return snapshot;
}

export function storedValue({ stored }: InstanceSnapshot<number>, key: string): StoredValue {
  const value = stored.get(key);
  if (value === undefined) throw new Error(`expected a row under ${key}`);
  return value;
}

/** Commits writes along with the record of a new run; returns also what `next` was told. */
export async function write<Transaction>(
  { repository }: Host<Transaction>,
  instances: readonly InstanceWrites<number>[],
  fields: Partial<RepositoryCommit<number>> = {},
  options?: { readonly transaction?: Transaction },
): Promise<{ readonly result: CommitResult; readonly outcome: WriteOutcome<number> | null }> {
  let outcome: WriteOutcome<number> | null = null;
  const { next = () => [record({})], ...rest } = fields;
  const result = await repository.commit(
    {
      processModelId: MODEL,
      expected: [{ id: 'run', revision: null }],
      instances,
      ...rest,
      next(told) {
        outcome = { ...told, kept: told.kept.toSorted((a, b) => a.id - b.id || (a.key < b.key ? -1 : 1)) };
        return next(told);
      },
    },
    options,
  );
  return { result, outcome };
}

/** Commits new records and nothing else. */
export async function store<Transaction>(
  host: Host<Transaction>,
  records: readonly RunRecord[],
  options?: { readonly transaction?: Transaction },
): Promise<CommitResult> {
  const expected = records.map(({ id }) => ({ id, revision: null }));
  return (await write(host, [], { expected, next: () => records }, options)).result;
}
