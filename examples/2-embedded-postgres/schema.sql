-- The tables of spiff-arena that a backfill reads and writes.

create table process_instance (
  id serial primary key,
  process_model_identifier varchar(255) not null,
  status varchar(50) not null
);
-- A backfill reads the instances of a model in the order of their ids.
create index process_instance_model_id on process_instance (process_model_identifier, id);

create table task (
  guid varchar(36) primary key,
  process_instance_id int not null references process_instance (id) on delete cascade,
  state varchar(10) not null,
  json_data_hash varchar(255) not null,
  end_in_seconds decimal(17, 6)
);
create index task_process_instance_id on task (process_instance_id);

-- In spiff-arena, `data` is of type json on PostgreSQL and text on SQLite. Here it is text, so that a document can be broken.
create table json_data (
  hash varchar(255) primary key,
  data text not null
);

create table process_instance_metadata (
  id serial primary key,
  process_instance_id int not null references process_instance (id) on delete cascade,
  key varchar(255) not null,
  value varchar(255) not null,
  created_at_in_seconds int not null,
  updated_at_in_seconds int not null,
  unique (process_instance_id, key)
);
