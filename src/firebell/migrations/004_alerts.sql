create table integration (
    id bigint generated always as identity primary key,
    service_id bigint not null references service on delete cascade,
    name text not null,
    key text not null unique,
    created_at timestamptz not null,
    revoked_at timestamptz
);

-- Every accepted request, byte for byte, before anything is made of it; kept 30 days.
create table event (
    id bigint generated always as identity primary key,
    integration_id bigint not null references integration on delete cascade,
    received_at timestamptz not null,
    source text not null,
    body bytea not null,
    alerts int not null,
    error text
);
create index event_received on event (received_at);

-- Source events already applied (spec 3.2): a redelivery is answered, not counted. Kept 7 days.
create table seen_event (
    id bytea primary key,
    at timestamptz not null
);
create index seen_event_at on seen_event (at);

create table alert_group (
    id bigint generated always as identity primary key,
    integration_id bigint not null references integration on delete cascade,
    service_id bigint not null references service on delete cascade,
    key text not null,
    title text not null,
    urgency text not null check (urgency in ('high', 'low')),
    opened_at timestamptz not null,
    closed_at timestamptz,
    last_at timestamptz not null,
    alerts int not null,
    firing int not null,
    events bigint not null
);
-- At most one open group for a service and route.
create unique index alert_group_open on alert_group (service_id, key) where closed_at is null;

create table alert (
    id bigint generated always as identity primary key,
    integration_id bigint not null references integration on delete cascade,
    dedup_key text not null,
    group_id bigint references alert_group on delete cascade,
    status text not null check (status in ('firing', 'resolved')),
    title text not null,
    body text not null default '',
    severity text,
    labels jsonb not null default '{}',
    annotations jsonb not null default '{}',
    links jsonb not null default '{}',
    starts_at timestamptz not null,
    ends_at timestamptz,
    last_seen timestamptz not null,
    -- the greatest order key so far (spec 3.2): an older event never changes the status;
    -- rank 0 firing, 1 resolved, 2 without a time of its source
    hi_at timestamptz not null,
    hi_rank smallint not null,
    ended_by text check (ended_by in ('source', 'human')),
    count bigint not null
);
-- A4: one key never has two firing alerts.
create unique index alert_firing on alert (integration_id, dedup_key) where status = 'firing';
create index alert_latest on alert (integration_id, dedup_key, id);
create index alert_of_group on alert (group_id);

-- What could not be read, by integration; events that were understood cost nothing here.
create index event_broken on event (integration_id, id) where error is not null;

-- The daily clean-up of raw events and event ids schedules itself after its first run.
insert into due (kind, key, due_at) values ('alerts.prune', 'daily', now() + interval '1 day');
