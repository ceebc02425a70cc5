-- Pages that a person starts by hand: who pages whom, and why. Each is the subject of its own page.
alter table page drop constraint if exists page_subject_kind_check;
alter table page add constraint page_subject_kind_check check (subject_kind in ('group', 'incident', 'manual'));

create table manual_page (
    id bigint generated always as identity primary key,
    page_id bigint references page on delete cascade,
    actor text not null,
    actor_id bigint references person,
    target_kind text not null check (target_kind in ('person', 'team', 'schedule', 'policy')),
    target_id bigint not null,
    target_name text not null,
    text text not null check (text <> ''),
    idempotency_key text,
    created_at timestamptz not null
);
create index manual_page_of_page on manual_page (page_id);
create index manual_page_of_actor on manual_page (actor_id, created_at);
create unique index manual_page_once on manual_page (actor_id, idempotency_key);

-- Saved filters of the list of incidents: `query` is the query string of its address.
create table saved_view (
    id bigint generated always as identity primary key,
    owner_id bigint not null references person,
    name text not null check (name <> ''),
    query text not null,
    shared boolean not null,
    created_at timestamptz not null
);
create unique index saved_view_name on saved_view (owner_id, lower(name));
create index saved_view_shared on saved_view (id) where shared;

-- The list of incidents: its counts by state, severity and month; its order by severity; duplicates that ended lately.
create index incident_counted on incident (drill, phase, severity, declared_at);
create index incident_severest on incident ((-severity), id);
create index incident_ended on incident (closed_at) where closed_at is not null;
