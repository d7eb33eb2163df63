create table process_instance (
  id integer primary key,
  process_model_identifier varchar(255) not null,
  status varchar(50) not null
);
-- The walk goes through a model in the order of its ids.
create index process_instance_model_id on process_instance (process_model_identifier, id);

create table task (
  guid varchar(36) primary key,
  process_instance_id int not null references process_instance (id) on delete cascade,
  state varchar(10) not null,
  json_data_hash varchar(255) not null,
  end_in_seconds decimal(17, 6)
);
create index task_process_instance_id on task (process_instance_id);

create table json_data (
  hash varchar(255) primary key,
  data text not null
);

create table process_instance_metadata (
  id integer primary key,
  process_instance_id int not null references process_instance (id) on delete cascade,
  key varchar(255) not null,
  value varchar(255) not null,
  created_at_in_seconds int not null,
  updated_at_in_seconds int not null,
  unique (process_instance_id, key)
);

-- The one table that a backfill adds.
create table metadata_backfill_run (
  id varchar(255) primary key,
  run_id varchar(255) not null,
  process_model_id varchar(255) not null,
  revision text not null,
  active_key varchar(255) unique,
  content text not null
);
create index metadata_backfill_run_run_id on metadata_backfill_run (run_id);
