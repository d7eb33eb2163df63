import { randomUUID } from 'node:crypto';
import type { JsonValue } from 'process-metadata-backfill';
import { createPostgresRepository, createRunTable } from 'process-metadata-backfill/postgres';
import type { FixtureInstance, FixtureTask } from 'process-metadata-backfill/testing';
import { AMONG, type Host, rowsWriter } from './host.js';

/**
 * The history tables of Camunda 7, without the columns that do not matter here. The variables of an instance are its task data,
 * one row each. The engine does not lock an instance when it saves variables, so a trigger does. The metadata have a table of
 * the host's own.
 */
export const camunda: Host<string> = {
  title: 'Camunda 7',
  schema: `
    create table act_hi_procinst (
      id_ varchar(64) primary key,
      proc_def_key_ varchar(255),
      start_time_ timestamp not null,
      end_time_ timestamp
    );
    create index on act_hi_procinst (proc_def_key_, start_time_, id_ collate "C");
    create table act_hi_varinst (
      id_ varchar(64) primary key,
      proc_inst_id_ varchar(64),
      name_ varchar(255) not null,
      var_type_ varchar(100),
      rev_ int,
      bytearray_id_ varchar(64),
      double_ double precision,
      long_ bigint,
      text_ varchar(4000)
    );
    create index act_idx_hi_procvar_proc_inst on act_hi_varinst (proc_inst_id_);
    create table act_ge_bytearray (id_ varchar(64) primary key, bytes_ bytea);
    create function lock_instance() returns trigger language plpgsql as $$
    begin
      perform from act_hi_procinst where id_ = new.proc_inst_id_ for update;
      return new;
    end $$;
    create trigger lock_instance before insert or update on act_hi_varinst for each row execute function lock_instance();

    create table instance_metadata (
      proc_inst_id_ varchar(64) references act_hi_procinst on delete cascade,
      name_ varchar(255),
      text_ varchar(4000),
      primary key (proc_inst_id_, name_)
    );
    ${createRunTable()};`,
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: { oneDocument: true },
  notOffered: ['bytes', 'chosen ids', 'several tasks'],

  createRepository: (database) =>
    createPostgresRepository({
      database,
      instances: {
        table: 'act_hi_procinst',
        id: { column: 'id_', type: 'text' },
        createdAt: { column: 'start_time_', type: 'timestamp' },
        model: 'proc_def_key_',
        running: 'i.end_time_ is null',
      },
      taskData: {
        newest: `
          select md5(string_agg(v.id_ || ' ' || v.rev_, ',' order by v.id_)) as version
          from act_hi_varinst v where v.proc_inst_id_ = i.id_ having count(*) > 0`,
        document: `
          select coalesce((array_agg(value) filter (where name_ = ''))[1], json_object_agg(name_, value)) from (
            select v.name_, v.bytearray_id_ is null or b.bytes_ is not null as is_there, case v.var_type_
              when 'string' then to_json(v.text_)
              when 'long' then to_json(v.long_)
              when 'double' then to_json(v.double_)
              when 'boolean' then to_json(v.long_ = 1)
              when 'json' then convert_from(b.bytes_, 'UTF8')::json end as value
            from act_hi_varinst v left join act_ge_bytearray b on b.id_ = v.bytearray_id_
            where v.proc_inst_id_ = i.id_
          ) variables having bool_and(is_there)`,
      },
      metadata: {
        table: 'instance_metadata',
        instance: 'proc_inst_id_',
        key: 'name_',
        value: 'text_',
        maxLength: 4000,
        maxKeyLength: 255,
      },
    }),

  writer(sql) {
    const variables = `act_hi_varinst where proc_inst_id_`;
    async function setVariables(id: string, { data }: FixtureTask): Promise<void> {
      // Only the cases of the conformance suite have documents that are no objects.
      const isObject = typeof data === 'object' && data !== null && !Array.isArray(data);
      const rows = Object.entries(isObject ? data : { '': data }).map(([name, value]) => ({
        id: randomUUID(),
        name,
        ...variableOf(value),
      }));
      await sql.query(
        `insert into act_hi_varinst
         select id, $2, name, type, 1, case when bytes is not null then id end, double, long, text
         from json_to_recordset($1::text::json)
           r (id text, name text, type text, double double precision, long bigint, text text, bytes text)`,
        [JSON.stringify(rows), id],
      );
      await sql.query(
        `insert into act_ge_bytearray select id, convert_to(bytes, 'UTF8')
         from json_to_recordset($1::text::json) r (id text, bytes text) where bytes is not null`,
        [JSON.stringify(rows)],
      );
    }
    async function deleteVariables(ids: readonly string[]): Promise<void> {
      const list = JSON.stringify(ids);
      await sql.query(
        `delete from act_ge_bytearray where id_ in (select bytearray_id_ from ${variables} ${AMONG})`,
        [list],
      );
      await sql.query(`delete from ${variables} ${AMONG}`, [list]);
    }
    /** @param stepMs between the times of two instances. */
    async function insert(instances: readonly FixtureInstance[], stepMs: number) {
      const ids = instances.map(() => randomUUID());
      await sql.query(
        `insert into act_hi_procinst
         select id, model, (select greatest(localtimestamp(3), max(start_time_) + interval '1 ms') from act_hi_procinst)
           + place * $2::int * interval '1 ms', case when not running then localtimestamp(3) end
         from json_to_recordset($1::text::json) r (id text, model text, place int, running boolean)`,
        [
          JSON.stringify(
            instances.map(({ processModelId, running }, place) => ({
              id: ids[place],
              model: processModelId,
              place,
              running,
            })),
          ),
          stepMs,
        ],
      );
      for (const [index, { tasks }] of instances.entries())
        for (const task of tasks) await setVariables(ids[index] ?? '', task);
      return ids;
    }
    return {
      insertInstances: (instances) => insert(instances, 1),
      insertTogether: (instances) => insert(instances, 0),
      async deleteInstance(id) {
        await deleteVariables([id]);
        await sql.query('delete from act_hi_procinst where id_ = $1', [id]);
      },
      async addTask(id, task) {
        await deleteVariables([id]);
        await setVariables(id, task);
      },
      async breakTaskData(id) {
        await sql.query(`update act_hi_varinst set bytearray_id_ = 'lost' where proc_inst_id_ = $1`, [id]);
      },
      async clear(ids) {
        await deleteVariables(ids);
        await sql.query(`delete from act_hi_procinst where id_ ${AMONG}`, [JSON.stringify(ids)]);
      },
      ...rowsWriter(sql, {
        table: 'instance_metadata',
        instance: 'proc_inst_id_',
        key: 'name_',
        value: 'text_',
      }),
    };
  },
};

/** How the engine stores a value. */
function variableOf(value: JsonValue) {
  if (typeof value === 'string' && value.length <= 4000) return { type: 'string', text: value };
  if (typeof value === 'boolean') return { type: 'boolean', long: value ? 1 : 0 };
  if (typeof value === 'number')
    return Number.isInteger(value) ? { type: 'long', long: value } : { type: 'double', double: value };
  return value === null ? { type: 'null' } : { type: 'json', bytes: JSON.stringify(value) };
}
