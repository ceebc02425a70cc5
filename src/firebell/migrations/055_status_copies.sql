-- Copies of status pages on Statuspage.io and Instatus, one way: ours to theirs.
create table status_copy (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    provider text not null check (provider in ('statuspage', 'instatus')),
    remote_page_id text not null check (remote_page_id ~ '^[A-Za-z0-9_-]{1,64}$'),
    secret bytea not null,
    key_hint text not null,
    key_hash text not null,
    notifies boolean not null default false,
    state text not null check (state in ('active', 'paused', 'stopped')),
    reason text not null default '',
    created_at timestamptz not null,
    check_at timestamptz not null,
    checked_at timestamptz,
    last_ok_at timestamptz,
    import_page int,
    imported int not null default 0,
    lease_holder text,
    lease_until timestamptz,
    unique (provider, remote_page_id)
);
create index status_copy_of_page on status_copy (status_page_id);
comment on column status_copy.key_hash is 'Copies with the same key share one rate.';
comment on column status_copy.import_page is 'The page of their incidents that is imported next; null if none is.';

-- The components of the remote page, as of the last comparison.
create table status_copy_remote_component (
    copy_id bigint not null references status_copy on delete cascade,
    remote_id text not null,
    name text not null,
    group_name text not null,
    status text not null,
    position int not null,
    primary key (copy_id, remote_id)
);

create table status_copy_component (
    copy_id bigint not null references status_copy on delete cascade,
    component_id bigint not null references status_component on delete cascade,
    remote_id text not null,
    primary key (copy_id, component_id)
);
create index status_copy_component_of_component on status_copy_component (component_id);

-- An imported incident is theirs: it is never written.
create table status_copy_incident (
    copy_id bigint not null references status_copy on delete cascade,
    public_incident_id bigint not null references public_incident on delete cascade,
    remote_id text not null,
    is_imported boolean not null,
    primary key (copy_id, public_incident_id),
    unique (copy_id, remote_id)
);
create index status_copy_incident_of_incident on status_copy_incident (public_incident_id);

-- One step for each published text: an update, or an edit of one.
create table status_copy_step (
    copy_id bigint not null references status_copy on delete cascade,
    update_id bigint not null references public_update on delete cascade,
    version int not null,
    public_incident_id bigint not null references public_incident on delete cascade,
    chain_seq bigint not null,
    state text not null check (
        state in ('pending', 'sending', 'unknown', 'done', 'blocked', 'dead', 'skipped')
    ),
    created_at timestamptz not null,
    attempts int not null default 0,
    begun_at timestamptz,
    retry_at timestamptz not null,
    done_at timestamptz,
    error text not null default '',
    remote_update_id text,
    primary key (copy_id, update_id, version)
);
create index status_copy_step_open on status_copy_step (copy_id, chain_seq)
    where state not in ('done', 'skipped');
create index status_copy_step_of_incident on status_copy_step (public_incident_id);
create index status_copy_step_of_update on status_copy_step (update_id);

create table status_copy_difference (
    id bigint generated always as identity primary key,
    copy_id bigint not null references status_copy on delete cascade,
    kind text not null check (kind in ('stage', 'text', 'name', 'component', 'gone')),
    subject text not null,
    label text not null,
    ours text not null,
    theirs text not null,
    since_at timestamptz not null,
    state text not null check (state in ('open', 'ignored', 'overwrite')),
    error text not null default '',
    unique (copy_id, kind, subject)
);
comment on column status_copy_difference.subject is 'The public id of an incident, or the id of a remote component.';

create table status_copy_rate (
    key_hash text primary key,
    tokens double precision not null,
    at timestamptz not null,
    closed_until timestamptz
);
