-- What an hour of a team costs, if it is not the rate of the organization.
create table team_cost_rate (
    team_id bigint primary key references team on delete cascade,
    per_hour numeric not null check (per_hour > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$')
);

-- The time of each person on an incident; no one sees it, it is added up by team and rate.
create table incident_fact_person (
    incident_id bigint not null references incident_fact on delete cascade,
    person_id bigint not null,
    minutes int not null check (minutes > 0),
    primary key (incident_id, person_id)
);

-- Facts of incidents are computed again in the background, which stores the time of each person. Votes and messages have
-- no log: they are read from `refreshed_at` on, so it stays.
update metric_progress
set entry_id = 0,
    version = version + 1;
