-- Readiness: one row a day, and the waivers of items.

create table readiness_day (
    day date primary key,
    score int not null check (score between 0 and 100),
    -- the state of each item by its id
    states jsonb not null,
    -- what a missing item lacks first, by its id
    missing jsonb not null
);

create table readiness_waiver (
    id bigint generated always as identity primary key,
    item_id text not null,
    reason text not null check (reason <> ''),
    actor text not null,
    by_id bigint references person,
    at timestamptz not null,
    until timestamptz not null,
    ended_at timestamptz,
    check (until > at)
);
create unique index readiness_waiver_open on readiness_waiver (item_id) where ended_at is null;

insert into due (kind, key, due_at)
values ('readiness.day', 'daily', now() + interval '1 hour');
