import {
  activeKeyConstraint,
  FORMAT_COMMENT,
  IS_TRUE_PARAMETERS,
  isTrueFunction,
  parseRunTable,
  RUN_TABLE,
  RUN_TABLE_FORMAT,
  runIdIndex,
} from './run-table-names.js';

/**
 * The text of one statement that creates the table of runs, and a function beside it. Execute it in a migration, or at each
 * start-up: if both are there, it changes nothing and locks nothing. It refuses a table of another kind or of a newer format, and
 * takes over one that an example has created. If the function cannot be created, a notice says so, and batches take longer.
 * @param table its name as in the catalog, or 'schema.table'. Without a schema, the `search_path` decides.
 * @throws {InvalidInputError} when the name is invalid, or longer than 52 bytes.
 * @example
 * await pool.query(createRunTable())
 */
export function createRunTable(table: string = RUN_TABLE): string {
  const name = parseRunTable(table, 'createRunTable');
  return `do $metadata_backfill$
declare
  given_schema constant text default ${name.schema === null ? 'null' : literal(name.schema)};
  given_name constant text default ${literal(name.name)};
  function_name constant text default ${literal(isTrueFunction(name))};
  home text;
  runs oid;
  kind text;
  target text;
  stored numeric;
  has_function boolean;
  problem text;
begin
  -- Others may be at it, too. They wait here, but only if something is to be created. What they have created is seen by queries
  -- at once, but by to_regclass only later.
  for look in 1..2 loop
    select n.nspname, c.oid, c.relkind,
      cast(substring(obj_description(c.oid, 'pg_class') from '${FORMAT_COMMENT}([0-9]+)') as numeric)
    into home, runs, kind, stored
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relname = given_name and case when given_schema is null
      then n.nspname = any (current_schemas(true)) else n.nspname = given_schema end
    order by array_position(current_schemas(true), n.nspname) limit 1;
    home = coalesce(home, given_schema, current_schema());
    target = quote_ident(home) || '.' || quote_ident(given_name);
    has_function = exists (
      select from pg_proc p join pg_namespace n on n.oid = p.pronamespace
      where n.nspname = home and p.proname = function_name and oidvectortypes(p.proargtypes) = '${IS_TRUE_PARAMETERS}');
    exit when look = 2 or (stored is not null and has_function);
    perform pg_advisory_xact_lock(${ADVISORY_LOCK});
  end loop;

  if runs is null then
    if home is null then
      raise exception using errcode = 'invalid_schema_name', message = format(
        'No schema of the search_path is there to create the table %I in. Name one, as in createRunTable(''schema.table'').', given_name);
    end if;
    begin
      execute format(
        'create table %s (
          id text collate "C" primary key,
          run_id text collate "C" not null,
          process_model_id text not null,
          revision text not null,
          active_key text constraint %I unique,
          content json not null)', target, ${literal(activeKeyConstraint(name))});
    exception when duplicate_table or unique_violation then
      if current_setting('transaction_isolation') = 'read committed' then raise; end if;
      return; -- Another session has created it. This transaction reads from before that.
    end;
    execute format('create index %I on %s (run_id)', ${literal(runIdIndex(name))}, target);
    execute format('comment on table %s is %L', target, '${FORMAT_COMMENT}${RUN_TABLE_FORMAT}');
  else
    if stored > ${RUN_TABLE_FORMAT} then
      raise exception using errcode = 'object_not_in_prerequisite_state', message = format(
        'Table %s is in format %s, and this version of process-metadata-backfill knows format ${RUN_TABLE_FORMAT}. Upgrade the library in this process. Nothing was changed.', target, stored);
    end if;
    if kind <> 'r' then
      problem = 'is no ordinary table';
    else
      select 'lacks ' || string_agg(what, ', ' order by place, what) into problem from (${WHAT_IS_MISSING}) as missing;
    end if;
    if problem is not null then
      raise exception using errcode = 'wrong_object_type', message = format(
        '%s cannot hold the runs of process-metadata-backfill, because it %s. Choose another name for the table of runs. Nothing was changed.', target, problem);
    end if;
    if stored is null then
      begin
        if not exists (
          select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
          where i.indrelid = runs and a.attname = 'run_id' and i.indpred is null)
        then
          execute format('create index on %s (run_id)', target);
        end if;
        execute format('comment on table %s is %L', target,
          concat_ws(' ', obj_description(runs, 'pg_class'), '${FORMAT_COMMENT}${RUN_TABLE_FORMAT}'));
      exception when insufficient_privilege then
        raise notice 'process-metadata-backfill - table % has no comment with its format (%). Let its owner execute createRunTable.', target, sqlerrm;
      end;
    end if;
  end if;

  if not has_function then
    begin
      execute format(
        'create function %I.%I(statement text, parameter text, after bigint) returns boolean language plpgsql volatile as %L',
        home, function_name, '${IS_TRUE_BODY}');
    exception when others then
      raise notice 'process-metadata-backfill - function %.% was not created (%). Without it, batches that compare versions take two more statements. Let a role that may create functions execute createRunTable.', home, function_name, sqlerrm;
    end;
  end if;
end
$metadata_backfill$`;
}

/** Of `runs`. Some examples create the columns as varchar, and the content as text. */
const WHAT_IS_MISSING = `
        select 1 as place, format('column %s of type %s', name, type) as what
        from (values ('id', 'text collate "C"'), ('run_id', 'text collate "C"'), ('process_model_id', 'text'),
          ('revision', 'text'), ('active_key', 'text'), ('content', 'json')) wanted (name, type)
        where not exists (
          select from pg_attribute a left join pg_collation c on c.oid = a.attcollation
          where a.attrelid = runs and a.attname = name and not a.attisdropped
            and format_type(a.atttypid, null) in ('text', case type when 'json' then type else 'character varying' end)
            and (type not like '%"C"' or c.collname = 'C'))
        union all
        select 2, format('a unique index on %s', name)
        from (values ('id'), ('active_key')) wanted (name)
        where not exists (
          select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
          where i.indrelid = runs and a.attname = name and i.indisunique and i.indisvalid
            and i.indnkeyatts = 1 and i.indpred is null)
        union all
        select 3, format('a default for column %I', a.attname)
        from pg_attribute a
        where a.attrelid = runs and a.attnum > 0 and not a.attisdropped and a.attnotnull and not a.atthasdef
          and a.attidentity = ''
          and a.attname not in ('id', 'run_id', 'process_model_id', 'revision', 'active_key', 'content')
      `;

/** In a volatile function, and at READ COMMITTED, each statement has a snapshot of its own. It runs with the rights and path of its caller. */
const IS_TRUE_BODY =
  'declare result boolean; begin execute statement into strict result using parameter; return result; end';

/** A number that nothing else locks. */
const ADVISORY_LOCK = '7021643958210447313';

/**
 * A text within the statement, whatever is in it. Query builders replace question marks and words after colons, and a dollar
 * might end the statement.
 */
function literal(text: string): string {
  const escaped = text.replace(/[^\w -]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length > 4 ? `\\U${code.padStart(8, '0')}` : `\\u${code.padStart(4, '0')}`;
  });
  return escaped === text ? `'${text}'` : `E'${escaped}'`;
}
