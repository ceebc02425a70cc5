-- A mute is that of maintenance, or a silence: a person, or amtool, keeps alerts with certain labels from paging.
-- A silence without services is for all of them.
alter table alert_mute
    add column kind text not null default 'maintenance' check (kind in ('maintenance', 'silence')),
    add column author text not null default '',
    -- the id of a silence in Alertmanager's API
    add column public_id uuid not null default gen_random_uuid(),
    add column created_at timestamptz;
update alert_mute set created_at = starts_at;
alter table alert_mute alter column created_at set not null;
create unique index alert_mute_public_id on alert_mute (public_id);
create index alert_mute_of_silences on alert_mute (id) where kind = 'silence';

insert into due (kind, key, due_at) values ('kit.retention', 'alert_mute', now() + interval '1 day');
