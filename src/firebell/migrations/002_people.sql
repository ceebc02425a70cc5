create table person (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    email text not null check (email = lower(email)),
    password_hash text,
    role text not null check (role in ('admin', 'manager', 'responder', 'viewer')),
    tz text not null default 'UTC',
    theme text not null default 'auto' check (theme in ('auto', 'light', 'dark')),
    active boolean not null default true,
    created_at timestamptz not null,
    unique (email)
);

create table team (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    slug text not null unique,
    created_at timestamptz not null
);

create table team_member (
    team_id bigint not null references team on delete cascade,
    person_id bigint not null references person on delete cascade,
    role text not null check (role in ('member', 'manager')),
    primary key (team_id, person_id)
);

-- The organisation's last resort (spec 2.5): who is told when nobody else can be.
create table catch_all (
    person_id bigint primary key references person on delete cascade
);

create table contact_method (
    id bigint generated always as identity primary key,
    person_id bigint not null references person on delete cascade,
    kind text not null check (kind in ('email', 'webhook', 'ntfy')),
    address text not null,
    label text not null default '',
    verified_at timestamptz,
    suspect_since timestamptz,
    disabled_at timestamptz,
    created_at timestamptz not null,
    unique (person_id, kind, address)
);

-- Personal rules (spec 2.4): per urgency, a delay from the level entry and a method.
create table notification_rule (
    id bigint generated always as identity primary key,
    person_id bigint not null references person on delete cascade,
    urgency text not null check (urgency in ('high', 'low')),
    delay_s int not null check (delay_s between 0 and 86400),
    method_id bigint not null references contact_method on delete cascade,
    unique (person_id, urgency, delay_s, method_id)
);

create table session (
    token_hash bytea primary key,
    person_id bigint not null references person on delete cascade,
    csrf text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null
);

create table api_key (
    id bigint generated always as identity primary key,
    name text not null,
    prefix text not null,
    key_hash bytea not null unique,
    scopes text[] not null,
    person_id bigint not null references person on delete cascade,
    created_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz
);
