-- The tables of this host. The table of runs is created beside them.

create table process_model (
  id text primary key,
  -- Ascends with each save. A save says which one it has seen.
  revision int not null default 1,
  paths jsonb not null,
  -- The request that a save still owes, if jobs cannot take part in its transaction.
  owed_request jsonb,
  owed_since timestamptz
);

create table process_instance (
  id int generated always as identity primary key,
  model_id text not null references process_model (id),
  status text not null,
  started_at timestamptz not null default now()
);
create index on process_instance (model_id, id);
create index on process_instance (model_id, status, id);

-- `data` is text, so that a document can be broken.
create table task (
  id int generated always as identity primary key,
  instance_id int not null references process_instance (id) on delete cascade,
  state text not null,
  data text not null,
  ended_at timestamptz
);
create index on task (instance_id);

create table instance_metadata (
  instance_id int not null references process_instance (id) on delete cascade,
  key text not null,
  value jsonb,
  -- 'save': written when the instance was saved. 'backfill': by a run.
  source text not null,
  written_at timestamptz not null default now(),
  -- What reports filter and sort by. Long values do not fit into an index.
  short_value jsonb generated always as (case when length(value::text) <= 200 then value end) stored,
  primary key (instance_id, key)
);
create index on instance_metadata (key, short_value, instance_id);

-- What people did to runs.
create table operator_action (
  id int generated always as identity primary key,
  run_id text not null,
  at timestamptz not null default now(),
  who text not null,
  action text not null,
  reason text
);
create index on operator_action (run_id, id);
