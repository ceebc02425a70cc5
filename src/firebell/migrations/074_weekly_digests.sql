-- Weekly digests: the teams whose members get one, what each person chose, and what was sent.

create table digest_team (
    team_id bigint primary key references team,
    enabled_at timestamptz not null
);

create table digest_choice (
    id bigint generated always as identity primary key,
    person_id bigint not null references person,
    -- null is the digest of the whole organization
    team_id bigint references team,
    is_on boolean not null,
    chosen_at timestamptz not null
);
create unique index digest_choice_one on digest_choice (person_id, coalesce(team_id, 0));

create table weekly_digest (
    id bigint generated always as identity primary key,
    person_id bigint not null references person,
    team_id bigint references team,
    -- the Monday on which the week begins
    week date not null,
    -- what was written; lines about incidents name them, so that what became private is left out when it is sent
    content jsonb not null,
    created_at timestamptz not null
);
create unique index weekly_digest_one on weekly_digest (week, person_id, coalesce(team_id, 0));
create index weekly_digest_created on weekly_digest (created_at);
insert into due (kind, key, due_at) values ('kit.retention', 'weekly_digest', now() + interval '1 day');

-- from now on there are reminders of near misses; overdue ones only stay in their list
insert into due (kind, key, due_at)
select 'postmortems.remind', id::text, now()
from postmortem
where kind = 'near_miss'
    and published_version is null
    and due_at > now()
on conflict do nothing;
