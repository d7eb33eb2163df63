-- What happened to metadata, row by row, whoever did it: the tests believe this and not the library's own counters.
create table written_row (
  number serial primary key,
  writer text not null default current_setting('application_name'),
  operation text not null,
  process_instance_id int not null,
  key text not null,
  value text,
  replaced text
);

create function note_written_row() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' then
    insert into written_row (operation, process_instance_id, key, value, replaced)
      values (tg_op, old.process_instance_id, old.key, null, old.xmin::text);
  else
    insert into written_row (operation, process_instance_id, key, value, replaced)
      values (tg_op, new.process_instance_id, new.key, new.value, case when tg_op = 'UPDATE' then old.xmin::text end);
  end if;
  return null;
end $$;

create trigger note_written_row after insert or update or delete on process_instance_metadata
  for each row execute function note_written_row();
