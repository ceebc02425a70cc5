create table schema_migration (
    version int primary key,
    name text not null,
    applied_at timestamptz not null default now()
);

create table setting (
    key text primary key,
    value jsonb not null
);

create table audit (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    actor_kind text not null,
    actor_id bigint,
    actor_label text not null,
    action text not null,
    subject text not null,
    detail jsonb not null default '{}'
);
create index audit_subject on audit (subject, id);

-- One timer per (kind, key): scheduling again moves it, so a subject never has two.
create table due (
    id bigint generated always as identity primary key,
    kind text not null,
    key text not null,
    epoch bigint not null default 0,
    due_at timestamptz not null,
    attempts int not null default 0,
    last_error text,
    unique (kind, key)
);
create index due_next on due (due_at, id);

create table outbox (
    id bigint generated always as identity primary key,
    reaction text not null,
    payload jsonb not null,
    created_at timestamptz not null,
    run_at timestamptz not null,
    attempts int not null default 0,
    last_error text,
    dead_at timestamptz
);
create index outbox_next on outbox (run_at, id) where dead_at is null;
