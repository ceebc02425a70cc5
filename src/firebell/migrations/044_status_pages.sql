-- Public status pages. The status of a component is not stored: it follows from what was published.
create table status_page (
    id bigint generated always as identity primary key,
    slug text not null unique check (slug ~ '^[a-z0-9][a-z0-9-]{0,59}$'),
    name text not null check (name <> ''),
    tz text not null,
    about text not null default '',
    support_url text not null default '',
    visibility text not null check (visibility in ('public', 'unlisted')),
    partial_weight int not null check (partial_weight between 0 and 100),
    degraded_weight int not null check (degraded_weight between 0 and 100),
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table status_component_group (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    status_page_id bigint not null references status_page on delete cascade,
    name text not null check (name <> ''),
    position int not null,
    created_at timestamptz not null
);
create index status_component_group_of_page on status_component_group (status_page_id);

-- An archived component keeps its history, and is no longer shown.
create table status_component (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    status_page_id bigint not null references status_page on delete cascade,
    group_id bigint references status_component_group on delete set null,
    name text not null check (name <> ''),
    description text not null default '',
    position int not null,
    start_date date not null,
    shows_uptime boolean not null,
    created_at timestamptz not null,
    archived_at timestamptz
);
create index status_component_of_page on status_component (status_page_id);
create index status_component_of_group on status_component (group_id);

create table status_component_service (
    component_id bigint not null references status_component on delete cascade,
    service_id bigint not null references service on delete cascade,
    primary key (component_id, service_id)
);
create index status_component_of_service on status_component_service (service_id);

-- An incident as one status page tells it.
create table public_incident (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    status_page_id bigint not null references status_page on delete cascade,
    incident_id bigint references incident,
    name text not null check (name <> ''),
    impact_override text check (impact_override in ('none', 'minor', 'major', 'critical')),
    published_at timestamptz not null,
    monitoring_at timestamptz,
    resolved_at timestamptz,
    regressions int not null default 0,
    unique (status_page_id, incident_id)
);
create index public_incident_of_incident on public_incident (incident_id);
create index public_incident_open on public_incident (status_page_id) where resolved_at is null;
create index public_incident_history on public_incident (status_page_id, id);

-- `effects` is a list of {component_id, status, since}.
create table public_update (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    public_incident_id bigint not null references public_incident on delete cascade,
    seq int not null,
    stage text not null check (stage in ('investigating', 'identified', 'monitoring', 'resolved')),
    kind text not null check (kind in ('update', 'correction', 'regression')),
    effects jsonb not null,
    display_at timestamptz not null,
    next_update_at timestamptz,
    created_at timestamptz not null,
    actor text not null,
    actor_id bigint references person,
    unique (public_incident_id, seq)
);

-- Every text that was ever published, as a chain: each hash includes the one before.
create table public_update_version (
    status_page_id bigint not null references status_page on delete cascade,
    chain_seq bigint not null,
    update_id bigint not null references public_update on delete cascade,
    version int not null,
    body text not null,
    body_sha256 text not null,
    reason text not null default '',
    at timestamptz not null,
    actor text not null,
    prev_hash text not null,
    hash text not null,
    primary key (status_page_id, chain_seq),
    unique (update_id, version)
);
