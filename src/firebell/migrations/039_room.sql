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

-- Findings of process checks that someone waived, with the reason. A waiver that ended stays as evidence.
create table check_waiver (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    finding_id text not null,
    code text not null,
    reason text not null check (reason <> ''),
    until timestamptz,
    at timestamptz not null,
    actor text not null,
    actor_id bigint references person,
    ended_at timestamptz,
    ended_by text not null default '',
    ended_by_id bigint references person
);
create index check_waiver_incident on check_waiver (incident_id, id);

-- Tasks of incidents: who does what until when, and what remains for later.
create table incident_task (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    text text not null check (text <> ''),
    owner_id bigint references person,
    due_at timestamptz,
    is_required boolean not null default true,
    state text not null default 'open' check (state in ('open', 'done', 'follow_up')),
    entry_id bigint references timeline_entry on delete set null,
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    version bigint not null default 1
);
create index incident_task_incident on incident_task (incident_id, id);
create index incident_task_owner on incident_task (owner_id, id) where state <> 'done';

-- A role that its holder offers to someone else, who must accept.
create table role_offer (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    role text not null,
    from_id bigint not null references person,
    to_id bigint not null references person,
    note text not null default '',
    at timestamptz not null,
    answer text check (answer in ('accepted', 'declined', 'canceled')),
    answered_at timestamptz
);
create unique index role_offer_waiting on role_offer (incident_id, role, from_id) where answer is null;

-- The checks of an incident read who had which role when, not only who has it now.
create index incident_role_of_incident on incident_role (incident_id);
