-- The tables that a workflow backend has already.
create table instance (id serial primary key, process_model_id text not null, running boolean not null);
create index on instance (process_model_id, id);
create table task (
  id uuid primary key, instance_id int not null references instance (id) on delete cascade,
  state text not null, ended_at timestamptz, data json);
create index on task (instance_id);
create table metadata (
  instance_id int not null references instance (id) on delete cascade, key text not null, value jsonb,
  primary key (instance_id, key));

-- The table that the library needs. Collation "C": runs are listed by id, sorted as JavaScript sorts strings.
create table metadata_backfill_run (
  id text collate "C" primary key, run_id text collate "C" not null, process_model_id text not null,
  revision text not null, active_key text unique, content json not null);
create index on metadata_backfill_run (run_id);
