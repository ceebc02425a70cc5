-- What proves the readiness items 2.2, 3.3 and 4.4, and the scenarios of drills in runbook sources.

-- when a reader outside the network last got the page
alter table status_page add column fetched_at timestamptz;

-- when each person last opened metrics
create table metric_reader (
    person_id bigint primary key references person,
    viewed_at timestamptz not null
);
create index metric_reader_viewed on metric_reader (viewed_at desc);

-- A team signs that it reviewed its metrics and audited its alert rules; `quarter` is its first day.
create table quarter_signature (
    quarter date not null check (extract(day from quarter) = 1 and extract(month from quarter) in (1, 4, 7, 10)),
    team_id bigint not null references team on delete cascade,
    person_id bigint not null references person,
    signed_at timestamptz not null,
    decisions text not null check (decisions <> ''),
    primary key (quarter, team_id)
);
create index quarter_signature_team on quarter_signature (team_id);

-- The scenario files of a source at its last commit, as they are; drills read them.
create table runbook_scenario (
    source_id bigint not null references runbook_source on delete cascade,
    path text not null,
    body text not null check (body <> ''),
    primary key (source_id, path)
);
-- sources are read again, for their scenarios
update runbook_source set last_commit = '', next_sync_at = now();

-- the clock of the drill of an incident, on which its updates are due; drills set it
alter table incident add column drill_clock jsonb;
