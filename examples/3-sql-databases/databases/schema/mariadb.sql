create table process_instance (
  id int auto_increment primary key,
  process_model_identifier varchar(255) not null,
  status varchar(50) not null,
  -- The walk goes through a model in the order of its ids.
  index process_instance_model_id (process_model_identifier, id)
) character set utf8mb4;

create table task (
  guid varchar(36) primary key,
  process_instance_id int not null,
  state varchar(10) not null,
  json_data_hash varchar(255) not null,
  end_in_seconds decimal(17, 6),
  index task_process_instance_id (process_instance_id),
  foreign key (process_instance_id) references process_instance (id) on delete cascade
) character set utf8mb4;

create table json_data (
  hash varchar(255) primary key,
  data json not null
) character set utf8mb4;

-- Without a binary collation, `City` and `city` were one key, and the repository refuses to write both.
create table process_instance_metadata (
  id int auto_increment primary key,
  process_instance_id int not null,
  `key` varchar(255) character set utf8mb4 collate utf8mb4_bin not null,
  value varchar(255) not null,
  created_at_in_seconds int not null,
  updated_at_in_seconds int not null,
  unique (process_instance_id, `key`),
  foreign key (process_instance_id) references process_instance (id) on delete cascade
) character set utf8mb4;

-- The one table that a backfill adds. Binary collation: ids are sorted as JavaScript sorts them.
create table metadata_backfill_run (
  id varchar(255) primary key,
  run_id varchar(255) not null,
  process_model_id varchar(255) not null,
  revision varchar(40) not null,
  active_key varchar(255) unique,
  content longtext not null,
  index metadata_backfill_run_run_id (run_id)
) character set utf8mb4 collate utf8mb4_bin;
