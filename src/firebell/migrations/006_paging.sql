create table policy (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    slug text not null unique,
    team_id bigint not null references team,
    version int not null default 1,
    levels jsonb not null,
    repeat int not null default 2 check (repeat between 0 and 9),
    ack_timeout_s int check (ack_timeout_s between 60 and 86400),
    created_at timestamptz not null
);
alter table service add foreign key (policy_id) references policy;

create table page (
    id bigint generated always as identity primary key,
    subject_kind text not null check (subject_kind in ('group', 'incident')),
    subject_id bigint not null,
    service_id bigint references service,
    team_id bigint references team,
    policy_id bigint references policy,
    plan jsonb not null,
    title text not null,
    urgency text not null check (urgency in ('high', 'low')),
    severity int check (severity between 0 and 3),
    state text not null check (state in ('triggered', 'acked', 'snoozed', 'exhausted', 'resolved', 'merged')),
    -- the level entered last; -1 before the first
    level int not null default -1,
    round int not null default 0,
    epoch bigint not null default 1,
    version bigint not null default 1,
    -- when its one timer runs, whatever the state makes of it (spec 2.8 I1); null: no timer
    due_at timestamptz,
    triggered_at timestamptz not null,
    first_ack_at timestamptz,
    acked_at timestamptz,
    resolved_at timestamptz,
    snoozed_until timestamptz,
    exhausted_reason text
);
-- One open page per subject (and so per policy, which is part of its plan).
create unique index page_open on page (subject_kind, subject_id) where state not in ('resolved', 'merged');
create index page_state on page (state, id);

create table page_owner (
    page_id bigint not null references page on delete cascade,
    person_id bigint not null references person,
    at timestamptz not null,
    primary key (page_id, person_id)
);

create table page_log (
    id bigint generated always as identity primary key,
    page_id bigint not null references page on delete cascade,
    at timestamptz not null,
    kind text not null,
    actor text not null,
    actor_id bigint,
    text text not null,
    data jsonb not null default '{}'
);
create index page_log_page on page_log (page_id, id);

-- The ledger: one attempt to reach one person through one method. Test messages have no page.
create table delivery (
    id bigint generated always as identity primary key,
    page_id bigint references page on delete cascade,
    epoch bigint not null,
    level int not null,
    round int not null,
    person_id bigint not null references person,
    method_id bigint not null,
    rule_index int not null,
    -- 0 is sent before 1, and 1 before 2, whatever waits longer
    rank smallint not null check (rank between 0 and 2),
    reason text not null,
    channel text not null,
    address text not null,
    idempotency_key text not null unique,
    state text not null check (state in
        ('queued', 'sending', 'accepted', 'failed', 'void')),
    send_at timestamptz not null,
    lease_until timestamptz,
    attempts int not null default 0,
    provider_id text,
    error text,
    created_at timestamptz not null,
    sent_at timestamptz
);
create index delivery_next on delivery (rank, send_at, id) where state in ('queued', 'sending');
create index delivery_page on delivery (page_id, id);

-- Links in messages work once; the row says that one was used.
create table used_link (
    id text primary key,
    used_at timestamptz not null
);
