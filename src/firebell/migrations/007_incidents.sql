create table incident (
    id bigint generated always as identity primary key,
    title text not null check (title <> ''),
    summary text not null default '',
    conditions text not null default '',
    actions text not null default '',
    needs text not null default '',
    severity int not null check (severity between 0 and 3),
    max_severity int not null check (max_severity between 0 and 3),
    answers jsonb not null default '{}',
    provisional boolean not null default false,
    phase text not null check (phase in ('detected', 'triaging', 'declared', 'investigating', 'mitigating',
        'resolved', 'monitoring', 'closed', 'reviewed', 'dismissed', 'merged')),
    drill boolean not null default false,
    impact_start timestamptz,
    detected_at timestamptz not null,
    declared_at timestamptz not null,
    mitigated_at timestamptz,
    impact_end timestamptz,
    resolved_at timestamptz,
    stable_since timestamptz,
    closed_at timestamptz,
    last_update_at timestamptz,
    update_due_at timestamptz,
    severity_at timestamptz not null,
    reopen_count int not null default 0,
    declared_by bigint references person,
    version bigint not null default 1
);
create index incident_phase on incident (phase, id);

create table incident_service (
    incident_id bigint not null references incident on delete cascade,
    service_id bigint not null references service on delete cascade,
    primary key (incident_id, service_id)
);

create table incident_page (
    incident_id bigint not null references incident on delete cascade,
    page_id bigint not null references page on delete cascade,
    primary key (incident_id, page_id)
);

create table incident_role (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    role text not null check (role in ('commander', 'comms', 'sme', 'scribe', 'responder')),
    person_id bigint not null references person,
    from_at timestamptz not null,
    until_at timestamptz
);
-- One commander (and one of each single role) at a time.
create unique index incident_role_single on incident_role (incident_id, role)
    where until_at is null and role in ('commander', 'comms', 'scribe');

create table timeline_entry (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    at timestamptz not null,
    effective_at timestamptz not null,
    kind text not null,
    actor text not null,
    actor_id bigint,
    text text not null,
    data jsonb not null default '{}'
);
create index timeline_entry_incident on timeline_entry (incident_id, id);

create table postmortem (
    id bigint generated always as identity primary key,
    incident_id bigint not null unique references incident on delete cascade,
    body text not null,
    state text not null check (state in ('draft', 'review', 'published')),
    due_at timestamptz not null,
    author_id bigint references person,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz,
    version bigint not null default 1
);
