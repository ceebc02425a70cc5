create table schedule (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    slug text not null unique,
    team_id bigint not null references team,
    tz text not null,
    version int not null default 1,
    created_at timestamptz not null
);

create table layer (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    position int not null,
    name text not null,
    slots jsonb not null,
    anchor timestamp not null,
    unit text not null check (unit in ('hour', 'day', 'week', 'month')),
    every int not null check (every >= 1),
    tz text not null,
    windows jsonb not null default '[]',
    starts_at timestamptz,
    ends_at timestamptz,
    slot_offset int not null default 0
);
create index layer_of_schedule on layer (schedule_id, position);

create table schedule_edit (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    kind text not null check (kind in ('set', 'add', 'remove', 'map')),
    users bigint[] not null default '{}',
    mapping jsonb not null default '{}',
    source text not null check (source in ('override', 'swap', 'cover', 'vacation')),
    reason text not null default '',
    created_by bigint references person,
    created_at timestamptz not null,
    removed_at timestamptz
);
create index schedule_edit_live on schedule_edit (schedule_id, starts_at) where removed_at is null;
