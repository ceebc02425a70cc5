-- A heartbeat must report in time, or its alert fires (spec 9.8). The name is part of its address and of its alert's
-- key, and never changes.
create table heartbeat (
    id bigint generated always as identity primary key,
    service_id bigint not null references service on delete cascade,
    integration_id bigint not null references integration on delete cascade,
    name text not null check (name <> ''),
    description text not null default '',
    alert_title text not null default '',
    severity text not null check (severity in ('critical', 'error', 'warning', 'info')),
    labels jsonb not null default '{}',
    matchers text not null default '',
    period_s integer check (period_s >= 60),
    cron text not null default '',
    time_zone text not null,
    grace_s integer not null check (grace_s >= 30),
    max_runtime_s integer check (max_runtime_s >= 60),
    created_at timestamptz not null,
    state text not null default 'new' check (state in ('new', 'up', 'late', 'down')),
    armed_at timestamptz,
    last_ping_at timestamptz,
    last_kind text check (last_kind in ('success', 'start', 'fail')),
    last_exit_code smallint check (last_exit_code between 0 and 255),
    last_duration_ms bigint,
    run_started_at timestamptz,
    is_stuck boolean not null default false,
    down_since timestamptz,
    pings bigint not null default 0,
    paused_at timestamptz,
    paused_until timestamptz,
    check ((period_s is null) <> (cron = '')),
    check ((paused_at is null) = (paused_until is null))
);
create unique index heartbeat_name on heartbeat (service_id, lower(name));
-- those that turn alerts into pings
create index heartbeat_matchers on heartbeat (id) where matchers <> '';
create index heartbeat_integration on heartbeat (integration_id);

create table heartbeat_ping (
    id bigint generated always as identity primary key,
    heartbeat_id bigint not null references heartbeat on delete cascade,
    at timestamptz not null,
    kind text not null check (kind in ('success', 'start', 'fail')),
    exit_code smallint check (exit_code between 0 and 255),
    duration_ms bigint,
    source text not null default '',
    body text not null default ''
);
create index heartbeat_ping_latest on heartbeat_ping (heartbeat_id, id);
create index heartbeat_ping_at on heartbeat_ping (at);

-- Since when Firebell has received without a gap: what is silent for less long is not blamed on its sender.
create table heartbeat_reception (
    id boolean primary key default true check (id),
    since timestamptz not null,
    recorded_at timestamptz not null
);

-- How the mails of an integration are read; without a row, with the defaults (spec 9.6).
create table mail_setting (
    integration_id bigint primary key references integration on delete cascade,
    senders text[] not null default '{}',
    resolve_matchers text not null default '',
    ignore_matchers text not null default ''
);

-- What became of each mail. `digest` identifies a mail, however often a server delivers it.
create table mail_receipt (
    id bigint generated always as identity primary key,
    integration_id bigint not null references integration on delete cascade,
    received_at timestamptz not null,
    digest bytea not null,
    message_id text not null default '',
    dedup_key text not null default '',
    sender text not null,
    subject text not null,
    outcome text not null check (outcome in ('fired', 'resolved', 'ignored', 'refused', 'storm')),
    reason text not null default '',
    unique (integration_id, digest)
);
create index mail_receipt_latest on mail_receipt (integration_id, id);
create index mail_receipt_message on mail_receipt (integration_id, message_id) where message_id <> '';
create index mail_receipt_sender on mail_receipt (integration_id, sender, received_at);
create index mail_receipt_received on mail_receipt (received_at);

insert into due (kind, key, due_at)
values ('kit.retention', 'heartbeat_ping', now() + interval '1 day'),
    ('kit.retention', 'mail_receipt', now() + interval '1 day');
