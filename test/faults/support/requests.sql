-- What a host has beside the tables of a backfill: jobs, and updates of its models.
create table job (
  key text primary key,
  payload json not null
);

create table model_update (request int primary key);

-- Each owner record that was ever committed. The record is locked when its row is noted, so the numbers are in the order of the commits.
create table owner_history (
  number serial primary key,
  process_model_id text not null,
  keys json not null
);

create function note_owners() returns trigger language plpgsql as $$
begin
  insert into owner_history (process_model_id, keys) values (new.process_model_id, new.content -> 'keys');
  return null;
end $$;

create trigger note_owners after insert or update on metadata_backfill_run
  for each row when (new.id like '%\_keys') execute function note_owners();
