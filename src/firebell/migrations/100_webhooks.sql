-- Webhooks to other systems about every change of state, and the log of what was delivered.
create table webhook_endpoint (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    url text not null check (url <> ''),
    -- Without types, all of them; without teams and services, those of all.
    types text[] not null default '{}',
    team_ids bigint[] not null default '{}',
    service_ids bigint[] not null default '{}',
    -- Whether it gets what hangs on private incidents.
    is_private boolean not null default false,
    state text not null default 'active' check (state in ('active', 'paused', 'disabled')),
    state_reason text not null default '',
    -- Sealed; the previous secret signs as well until an instant.
    secret bytea not null,
    previous_secret bytea,
    previous_until timestamptz,
    -- Attempts that failed one after the other, since when, and until when no further one is made.
    failures int not null default 0,
    failing_since timestamptz,
    resting_until timestamptz,
    last_success_at timestamptz,
    created_at timestamptz not null,
    created_by text not null,
    -- Its log is deleted in batches, and then the row.
    deleted_at timestamptz
);
create unique index webhook_endpoint_name on webhook_endpoint (lower(name)) where deleted_at is null;

-- What happened, stored in its transaction; deleted once its events are composed.
create table webhook_change (
    id bigint generated always as identity primary key,
    kind text not null,
    payload jsonb not null,
    at timestamptz not null,
    attempts int not null default 0,
    run_at timestamptz not null,
    dead_at timestamptz,
    last_error text not null default ''
);
create index webhook_change_waiting on webhook_change (id) where dead_at is null;
create index webhook_change_dead on webhook_change (dead_at) where dead_at is not null;

-- The body is composed once and the same for all endpoints.
create table webhook_event (
    id bigint generated always as identity primary key,
    message_id text not null unique,
    type text not null,
    at timestamptz not null,
    subject text not null,
    team_ids bigint[] not null,
    service_ids bigint[] not null,
    incident_ids bigint[] not null,
    body text not null
);
create index webhook_event_at on webhook_event (at);

create table webhook_delivery (
    id bigint generated always as identity primary key,
    endpoint_id bigint not null references webhook_endpoint on delete cascade,
    event_id bigint not null references webhook_event on delete cascade,
    subject text not null,
    state text not null check (state in ('queued', 'claimed', 'delivered', 'failed', 'withheld')),
    attempts int not null default 0,
    -- Attempts since it was queued or replayed last; they decide when it is tried again.
    tries int not null default 0,
    next_at timestamptz not null,
    lease_until timestamptz,
    created_at timestamptz not null,
    ended_at timestamptz,
    status int,
    error text not null default '',
    unique (endpoint_id, event_id)
);
create index webhook_delivery_event on webhook_delivery (event_id);
create index webhook_delivery_log on webhook_delivery (endpoint_id, id);
create index webhook_delivery_failed on webhook_delivery (endpoint_id, id) where state = 'failed';
create index webhook_delivery_ended on webhook_delivery (endpoint_id, ended_at) where ended_at is not null;
create index webhook_delivery_waiting on webhook_delivery (endpoint_id, next_at, id) where state = 'queued';
create index webhook_delivery_of_subject on webhook_delivery (endpoint_id, subject, id)
    where state in ('queued', 'claimed');
create index webhook_delivery_claimed on webhook_delivery (lease_until) where state = 'claimed';

create table webhook_attempt (
    id bigint generated always as identity primary key,
    delivery_id bigint not null references webhook_delivery on delete cascade,
    at timestamptz not null,
    duration_ms int not null,
    status int,
    error text not null,
    -- The first bytes of the body of the response.
    response text not null
);
create index webhook_attempt_delivery on webhook_attempt (delivery_id, id);

insert into due (kind, key, due_at) values
    ('kit.retention', 'webhook_event', now() + interval '1 day'),
    ('kit.retention', 'webhook_change', now() + interval '1 day');
