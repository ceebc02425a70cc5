-- What each applied file contained, so that a file that was edited after it ran is refused at start.
alter table schema_migration add column sha256 bytea check (length(sha256) = 32);

-- Databases on which 004 and 006 ran before those files were complete lack what was added to them.
create index if not exists event_broken on event (integration_id, id) where error is not null;
insert into due (kind, key, due_at)
values ('alerts.prune', 'daily', now() + interval '1 day')
on conflict do nothing;
do $$
begin
    if not exists (
        select from pg_attribute
        where attrelid = 'delivery'::regclass and attname = 'rank' and not attisdropped
    ) then
        alter table delivery add column rank smallint not null default 1 check (rank between 0 and 2);
        alter table delivery alter column rank drop default;
        drop index delivery_next;
        create index delivery_next on delivery (rank, send_at, id) where state in ('queued', 'sending');
    end if;
end
$$;

-- /healthz and `firebell doctor` update this row: a database that answers may still refuse to write.
create table write_probe (
    only_row boolean primary key default true check (only_row),
    written_at timestamptz not null
);
insert into write_probe (written_at) values (now());
