-- What people changed of timeline entries. An entry itself never changes: the latest change of each kind counts.
create table timeline_change (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    entry_id bigint not null references timeline_entry on delete cascade,
    kind text not null check (kind in ('edit', 'strike', 'restore', 'mark', 'unmark')),
    text text not null default '',
    at timestamptz not null,
    actor text not null,
    actor_id bigint references person
);
create index timeline_change_incident on timeline_change (incident_id, id);
create index timeline_change_entry on timeline_change (entry_id, id);

-- Images and logs of timeline entries; the type is that of the content, whatever the name says.
create table attachment (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    entry_id bigint not null references timeline_entry on delete cascade,
    name text not null check (name <> ''),
    media_type text not null,
    size int not null check (size > 0),
    sha256 bytea not null,
    content bytea not null,
    at timestamptz not null
);
alter table attachment alter column content set storage external;
create index attachment_incident on attachment (incident_id, id);
create index attachment_entry on attachment (entry_id);
create index attachment_at on attachment (at);
insert into due (kind, key, due_at) values ('kit.retention', 'attachment', now() + interval '1 day');
