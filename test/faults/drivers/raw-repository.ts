import type { BackfillRepository, CommitResult, InstanceRange, RunRecord } from '../../../src/index.js';
import type { Query, Row, SqlDriver } from './sql-driver.js';

/** The smallest tables that a backfill can do with. The same statements for PostgreSQL and MariaDB. */
export const TABLES = [
  'create table instance (id int primary key, data text not null)',
  `create table metadata (instance_id int not null, name varchar(50) not null, value varchar(50) not null,
    primary key (instance_id, name), constraint no_negative_number check (value not like '-%'))`,
  `create table run (id varchar(64) primary key, run_id varchar(64) not null, process_model_id varchar(64) not null,
    revision varchar(40) not null, active_key varchar(64) unique, content text not null)`,
];

/** A repository that lets every error through as its driver throws it. All instances are of one model. */
export function createRawRepository({ query, transaction }: SqlDriver): BackfillRepository<never, number> {
  return {
    storesNull: false,
    formatValue: (value) => ({ text: String(value), truncated: false }),

    async surveyInstances() {
      const [counted] = await query('select count(*) as total, max(id) as up_to from instance');
      return { total: Number(counted?.total), upTo: counted?.up_to == null ? null : Number(counted.up_to) };
    },

    async readInstances({ limit, ...range }) {
      const stored = await query(
        `select instance_id, name, value from metadata where ${WITHIN('instance_id')}`,
        [...bounds(range)],
      );
      const rows = await query(
        `select id, data from instance where ${WITHIN('id')} order by id limit ${Number(limit)}`,
        bounds(range),
      );
      return rows.map(({ id, data }) => ({
        id: Number(id),
        cursor: Number(id),
        data: { form: 'json', text: String(data) },
        stored: new Map(
          stored
            .filter(({ instance_id }) => instance_id === id)
            .map(({ name, value }) => [String(name), { value: String(value) }]),
        ),
      }));
    },

    commit: async ({ expected, exhausted, instances, next }) => {
      try {
        await transaction(async (sql) => {
          for (const { id, revision } of expected) {
            const [found] = await sql('select revision from run where id = ? for update', [id]);
            if ((found?.revision ?? null) !== revision) throw new Refusal({ status: 'conflict' });
          }
          if (exhausted !== undefined) {
            const left = await sql(
              `select id from instance where ${WITHIN('id')} limit 1`,
              bounds(exhausted),
            );
            if (left.length > 0) throw new Refusal({ status: 'not-exhausted' });
          }
          const living = new Set<number>();
          for (const { id } of instances) {
            const [found] = await sql('select id from instance where id = ? for update', [id]);
            if (found !== undefined) living.add(id);
          }
          for (const { id, values } of instances)
            for (const { key, value } of living.has(id) ? values : [])
              await sql('insert into metadata (instance_id, name, value) values (?, ?, ?)', [id, key, value]);
          const gone = instances.map(({ id }) => id).filter((id) => !living.has(id));
          for (const record of next({ gone, kept: [], moved: [] })) await store(sql, record);
        });
        return { status: 'committed' };
      } catch (error) {
        if (error instanceof Refusal) return error.result;
        throw error;
      }
    },

    loadRun: async (runId) => (await query('select * from run where run_id = ?', [runId])).map(recordOf),

    findRuns: async () => (await query('select * from run where id = run_id order by id desc')).map(recordOf),
  };
}

/** Rolls the transaction back, and is the answer. */
class Refusal extends Error {
  constructor(readonly result: CommitResult) {
    super(result.status);
  }
}

const WITHIN = (column: string): string => `${column} > ? and ${column} <= ?`;

function bounds({ after, upTo }: Pick<InstanceRange, 'after' | 'upTo'>): unknown[] {
  return [after ?? 0, upTo];
}

async function store(sql: Query, record: RunRecord): Promise<void> {
  const { id, runId, processModelId, revision, activeKey, content } = record;
  await sql('delete from run where id = ?', [id]);
  await sql(
    'insert into run (id, run_id, process_model_id, revision, active_key, content) values (?, ?, ?, ?, ?, ?)',
    [id, runId, processModelId, revision, activeKey, JSON.stringify(content)],
  );
}

function recordOf(row: Row): RunRecord {
  return {
    id: String(row.id),
    runId: String(row.run_id),
    processModelId: String(row.process_model_id),
    revision: String(row.revision),
    activeKey: row.active_key === null ? null : String(row.active_key),
    content: JSON.parse(String(row.content)),
  };
}
