create table service (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    slug text not null unique,
    team_id bigint not null references team,
    policy_id bigint,
    description text not null default '',
    runbook_url text not null default '',
    created_at timestamptz not null
);
