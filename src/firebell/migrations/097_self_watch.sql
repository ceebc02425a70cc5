-- Addresses that Firebell requests every minute while it can page people: their silence is noticed elsewhere (spec 2.10).
create table outbound_heartbeat (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    url bytea not null,
    url_hint text not null,
    method text not null check (method in ('GET', 'POST')),
    created_at timestamptz not null,
    next_at timestamptz not null,
    tried_at timestamptz,
    arrived_at timestamptz,
    failing_since timestamptz,
    error text not null default '',
    withheld_since timestamptz,
    withheld_for text not null default ''
);
create unique index outbound_heartbeat_name on outbound_heartbeat (lower(name));

-- What is wrong with Firebell itself, once for each episode: its responders are notified when one begins.
create table self_alarm (
    id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    detail text not null,
    opened_at timestamptz not null,
    noticed_at timestamptz not null,
    -- When a message was accepted by what had refused it.
    worked_at timestamptz,
    cleared_at timestamptz
);
create unique index self_alarm_open on self_alarm (kind, subject) where cleared_at is null;
create index self_alarm_cleared on self_alarm (cleared_at) where cleared_at is not null;
create index self_alarm_latest on self_alarm (opened_at desc, id desc);

-- The process whose turn it is looks at what all processes share.
create table self_watch_turn (
    id boolean primary key default true check (id),
    looked_at timestamptz not null
);
insert into self_watch_turn (looked_at) values ('-infinity');

-- Requests of message providers without a valid proof: usually the public address is wrong (spec 10.8, N-CALLBACK).
create table callback_refusal (
    channel text primary key,
    url text not null,
    refused bigint not null,
    first_at timestamptz not null,
    last_at timestamptz not null
);

-- Codes and tests of the last hour, which the guard against pumped traffic counts.
create index delivery_requested on delivery (created_at, channel) where subject_kind in ('test', 'verification');

-- The daily test message of a fallback responder, on their day, confirmed by a tap (spec 2.10).
create table fallback_test (
    id bigint generated always as identity primary key,
    person_id bigint not null references person on delete cascade,
    day date not null,
    sent_at timestamptz not null,
    confirmed_at timestamptz,
    unique (person_id, day)
);
create index fallback_test_sent on fallback_test (sent_at);

insert into due (kind, key, due_at)
values ('kit.retention', 'self_alarm', now() + interval '1 day'),
    ('kit.retention', 'fallback_test', now() + interval '1 day');
