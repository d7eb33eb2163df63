import { z } from 'zod';
import { expecting, type Fields, parseInput, wholeNumber } from '../../input/parse-input.js';
import { earliestRunId } from '../../run/record/new-ids.js';
import { ownersFrom, ownersRecordId } from '../../run/record/owner-record.js';
import { FORMAT } from '../../run/record/run-record.js';
import { isComplete, isRunState } from '../../run/record/run-state.js';
import type { PostgresConnection } from '../database.js';
import { quoteName } from '../sql/quote-name.js';

export interface PruneOptions {
  /** Only runs that ended earlier. Go further back than your runner keeps its jobs. */
  readonly olderThan: Date;
  /** The most runs that one transaction deletes. @default 500 */
  readonly batchSize?: number | undefined;
}

export interface PruneResult {
  readonly runs: number;
  /** All records that belong to the deleted runs. */
  readonly records: number;
}

/**
 * Deletes runs that have ended, in the order of their creation. A failed or cancelled run stays until another run fills its
 * keys, because the library treats a missing run as completed. So does one with `limit` or
 * `instanceIds` until the next request of its model. It may be called at any time, and in several processes at once. After
 * an error, what was deleted stays deleted.
 * @throws {InvalidInputError}
 */
export async function pruneRuns(
  database: PostgresConnection,
  table: string,
  options: PruneOptions,
): Promise<PruneResult> {
  const { olderThan, batchSize = 500 } = parseInput('prune', schema, options);
  const statements = statementsFor(quoteName(table, 'runs.table'));
  const time = olderThan.getTime();
  const before = earliestRunId(Math.max(0, Math.min(time, LATEST)));
  let deleted: PruneResult = { runs: 0, records: 0 };

  for (let after = ''; ; ) {
    const values = [String(time), before, after, String(batchSize), String(FORMAT)];
    const page = (await database.query(statements.readPage, values)) as readonly ReadRecord[];
    const last = page.at(-1);
    if (last === undefined) return deleted;
    const due = await withoutNamed(page.filter(({ ended }) => ended));
    if (due.length > 0) {
      const [counts] = (await database.query(statements.deleteRuns, [
        JSON.stringify(due.map(({ id, revision }) => ({ id, revision }))),
      ])) as readonly PruneResult[];
      deleted = sum(deleted, counts ?? NOTHING);
    }
    after = last.id;
  }

  /** An ended run gets no more keys, so this needs no lock. */
  async function withoutNamed(ended: readonly ReadRecord[]): Promise<readonly ReadRecord[]> {
    const models = new Set(ended.filter((run) => !isFinished(run)).map(({ model }) => model));
    if (models.size === 0) return ended;
    const ids = JSON.stringify([...models].map(ownersRecordId));
    const owners = (await database.query(statements.readOwners, [ids])) as readonly ReadOwners[];
    const named = new Map(owners.map((record) => [record.model, namedIn(record)]));
    return ended.filter((run) => {
      if (isFinished(run)) return true;
      const names = named.get(run.model);
      return names === undefined || names?.has(run.id) === false;
    });
  }
}

/** The last time for which ids of runs are in order. */
const LATEST = 36 ** 9 - 1;

const NOTHING: PruneResult = { runs: 0, records: 0 };

const schema: z.ZodType<PruneOptions> = z.strictObject({
  olderThan: expecting<Date>(
    'a valid Date',
    (value) => value instanceof Date && !Number.isNaN(value.getTime()),
  ),
  batchSize: wholeNumber(1, 10_000).optional(),
} satisfies Fields<PruneOptions>);

interface ReadRecord {
  readonly id: string;
  readonly revision: string;
  readonly model: string;
  /** Whether it is the header of a run that has ended early enough. */
  readonly ended: boolean;
  readonly state: string | null;
  /** Whether the run has dropped no key. */
  readonly whole: boolean;
}

type ReadOwners = Readonly<Record<'id' | 'run' | 'model' | 'revision' | 'content', string>>;

/** Whether the run makes no difference to the owners of its keys: a run that is not stored counts as such a one. */
function isFinished({ state, whole }: ReadRecord): boolean {
  return isRunState(state) && isComplete(state) && whole;
}

/** The runs that an owner record names. `null`: it cannot be read. */
function namedIn({ id, run, model, revision, content }: ReadOwners): ReadonlySet<string> | null {
  try {
    const { keys, trials } = ownersFrom({
      id,
      runId: run,
      processModelId: model,
      revision,
      activeKey: null,
      content: JSON.parse(content),
    });
    return new Set([...trials, ...keys.flatMap(({ filler }) => filler ?? [])]);
  } catch {
    return null;
  }
}

function sum(a: PruneResult, b: PruneResult): PruneResult {
  return { runs: a.runs + b.runs, records: a.records + b.records };
}

function statementsFor(table: string) {
  return {
    /** The records after `$3`, of which only the last one and the headers of ended runs are shown. */
    readPage: `
      with page as (
        select id, run_id, process_model_id, revision, active_key, content::json as content
        from ${table} where id > $3::text and id < $2::text order by id limit $4::text::int),
      judged as (
        select *, case when id = run_id and active_key is null and content->>'format' = $5::text
            and json_typeof(content->'endedAt') = 'number'
          then (content->>'endedAt')::numeric < $1::text::numeric else false end as ended
        from page)
      select id, revision, process_model_id as model, ended,
        case when ended then content->>'state' end as state,
        case when ended then (content->'droppedKeys')::text = '[]' else false end as whole
      from judged where ended or id = (select max(id) from page) order by id`,

    readOwners: `
      select id, run_id as run, process_model_id as model, revision, content::text as content
      from ${table} where id = any (array(select json_array_elements_text($1::text::json)))`,

    /**
     * Nobody has changed a header that still has its revision. A commit locks the header before what belongs to the run, and so
     * does this. A backtick follows the underline.
     */
    deleteRuns: `
      with due as (
        select record.id
        from json_to_recordset($1::text::json) as wanted (id text, revision text)
          join ${table} record on record.id = wanted.id and record.revision = wanted.revision
        order by record.id for update of record skip locked),
      gone as (
        delete from ${table} where id = any (array(
          select belonging.id from due, lateral (
            select id from ${table}
            where run_id >= due.id and run_id < due.id || '\`' and (run_id = due.id or left(run_id, 26) = due.id || '_')
              and right(id, 5) <> '_keys'
            offset 0) belonging))
        returning 1)
      select (select count(*)::int from due) as runs, (select count(*)::int from gone) as records`,
  };
}
