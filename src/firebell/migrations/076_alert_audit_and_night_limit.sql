-- The quarterly alert audit of each team, and the night limit of pages.

create table alert_audit (
    id bigint generated always as identity primary key,
    team_id bigint not null references team on delete cascade,
    -- the quarter in which it is signed, such as 2026-Q4
    quarter text not null check (quarter ~ '^\d{4}-Q[1-4]$'),
    window_start timestamptz not null,
    built_at timestamptz not null,
    due_at timestamptz not null,
    pages int not null,
    nights int not null,
    -- number of rules that the audit does not list, the least costly ones
    rules_left_out int not null,
    -- rules that have not fired for half a year, with the day on which they last paged
    silent_rules jsonb not null,
    signed_by text,
    signed_by_id bigint references person,
    signed_at timestamptz,
    -- when managers were notified that it is overdue
    overdue_at timestamptz,
    unique (team_id, quarter)
);
create index alert_audit_unreported on alert_audit (due_at) where signed_at is null and overdue_at is null;

create table alert_audit_rule (
    id bigint generated always as identity primary key,
    audit_id bigint not null references alert_audit on delete cascade,
    rule text not null,
    service_id bigint,
    -- what was counted
    numbers jsonb not null,
    verdict text not null,
    -- the rule into which it is merged
    merge_into text not null default '',
    also text[] not null,
    labels jsonb not null,
    decision text check (decision in ('changed', 'kept', 'deferred')),
    reason text not null default '',
    decide_on date,
    decided_by text,
    decided_by_id bigint references person,
    decided_at timestamptz,
    unique (audit_id, rule)
);

insert into due (kind, key, due_at)
values ('alert_audit.day', 'daily', now() + interval '1 hour');

-- the night limit that a team chose; a team without a row has the default
create table night_limit (
    team_id bigint primary key references team on delete cascade,
    is_on boolean not null,
    pages smallint not null check (pages between 1 and 20)
);

-- a night in which someone had more pages than the limit, by the day on which it began in their time zone
create table night_over_limit (
    id bigint generated always as identity primary key,
    person_id bigint not null references person,
    night date not null,
    team_id bigint,
    page_id bigint not null,
    pages int not null,
    at timestamptz not null,
    -- the end of that night
    ends_at timestamptz not null,
    unique (person_id, night)
);
create index night_over_limit_at on night_over_limit (at);
insert into due (kind, key, due_at) values ('kit.retention', 'night_over_limit', now() + interval '1 day');
