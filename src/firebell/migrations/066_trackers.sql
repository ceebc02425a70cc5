-- Issue trackers with which action items are synced.
create table tracker (
    id bigint generated always as identity primary key,
    kind text not null,
    name text not null unique,
    url text not null,
    target text not null,
    login text not null default '',
    secret bytea not null,
    key_hint text not null,
    key_hash text not null,
    hook_secret bytea not null,
    is_private boolean not null default false,
    is_enabled boolean not null default true,
    links_new boolean not null default false,
    team_id bigint references team on delete set null,
    directions jsonb not null default '{}',
    options jsonb not null default '{}',
    created_at timestamptz not null,
    stopped_reason text not null default '',
    failures int not null default 0,
    rests_until timestamptz,
    last_ok_at timestamptz,
    last_error text not null default '',
    last_error_at timestamptz,
    last_hook_at timestamptz,
    sweep_at timestamptz not null,
    swept_until timestamptz not null,
    lease_holder text,
    lease_until timestamptz,
    unique (kind, url, target)
);
comment on column tracker.key_hash is 'Trackers with the same token share one rate.';
comment on column tracker.swept_until is 'What changed there before this instant has been read.';

create table tracker_link (
    id bigint generated always as identity primary key,
    item_id bigint not null references action_item on delete cascade,
    tracker_id bigint not null references tracker on delete cascade,
    state text not null check (state in ('creating', 'linked', 'moved', 'gone', 'error')),
    marker uuid not null,
    external_id text,
    issue_key text not null default '',
    url text not null default '',
    snapshot jsonb not null default '{}',
    standoffs jsonb not null default '{}',
    left_out text[] not null default '{}',
    is_changed boolean not null default true,
    attempts int not null default 0,
    created_at timestamptz not null,
    created_by text not null,
    check_at timestamptz not null,
    tried_at timestamptz,
    synced_at timestamptz,
    error text not null default '',
    unique (item_id, tracker_id),
    unique (tracker_id, external_id),
    check (state in ('creating', 'error') or external_id is not null)
);
create index tracker_link_due on tracker_link (tracker_id, check_at) where state <> 'gone';
comment on column tracker_link.snapshot is 'The values on which both sides agreed last.';
comment on column tracker_link.standoffs is 'Pairs of values that one side refused; not tried again while neither changes.';
comment on column tracker_link.left_out is 'Fields that the tracker refused when the issue was created.';

-- Who a person is in a tracker.
create table tracker_user (
    tracker_id bigint not null references tracker on delete cascade,
    person_id bigint not null references person on delete cascade,
    handle text not null,
    external_id text not null default '',
    is_by_hand boolean not null,
    looked_up_at timestamptz,
    primary key (tracker_id, person_id)
);
create unique index tracker_user_external on tracker_user (tracker_id, external_id) where external_id <> '';
create index tracker_user_of_person on tracker_user (person_id);

create table tracker_hook_delivery (
    tracker_id bigint not null references tracker on delete cascade,
    delivery_id text not null,
    at timestamptz not null,
    primary key (tracker_id, delivery_id)
);
create index tracker_hook_delivery_at on tracker_hook_delivery (at);

create table tracker_rate (
    key_hash text not null,
    kind text not null check (kind in ('read', 'write')),
    tokens double precision not null,
    at timestamptz not null,
    closed_until timestamptz,
    primary key (key_hash, kind)
);

alter table action_event add column is_conflict boolean not null default false;
create index action_event_conflicts on action_event (at) where is_conflict;

insert into due (kind, key, due_at)
values ('kit.retention', 'tracker_hook_delivery', now() + interval '1 day');
