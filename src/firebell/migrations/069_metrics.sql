-- Metrics: one fact for each incident and page, and what people say about pages.

-- what a person answers to "Was this page actionable?"; the latest answer counts
create table page_vote (
    page_id bigint not null references page on delete cascade,
    person_id bigint not null references person,
    is_actionable boolean not null,
    at timestamptz not null,
    primary key (page_id, person_id)
);
create index page_vote_at on page_vote (at);
create index postmortem_updated on postmortem (updated_at);

-- follows from the incident, its timeline, roles and post-mortem; never from the present time
create table incident_fact (
    id bigint primary key references incident on delete cascade,
    type text not null,
    severity_first smallint not null,
    severity_max smallint not null,
    impact_start timestamptz,
    detected_at timestamptz not null,
    declared_at timestamptz not null,
    engaged_at timestamptz,
    impact_end timestamptz,
    resolved_at timestamptz,
    closed_at timestamptz,
    excluded text check (excluded in ('drill', 'dismissed', 'merged')),
    -- seconds; negative if the recorded times contradict each other
    detect_s int,
    engage_s int,
    mitigate_s int,
    resolve_s int,
    reopens int not null,
    people int not null,
    person_minutes int not null,
    factors text[] not null,
    repeat_of bigint,
    updates_due int not null,
    updates_on_time int not null,
    postmortem_required boolean not null,
    postmortem_published_at timestamptz
);
create index incident_fact_closed on incident_fact (closed_at);
create index incident_fact_declared on incident_fact (declared_at);
create index incident_fact_open on incident_fact (id) where closed_at is null and excluded is null;

create table incident_fact_service (
    incident_id bigint not null references incident_fact on delete cascade,
    service_id bigint not null,
    primary key (incident_id, service_id)
);
create index incident_fact_service_service on incident_fact_service (service_id, incident_id);

-- outlives its page, which is deleted by age
create table page_fact (
    id bigint primary key,
    team_id bigint,
    service_id bigint,
    rule text not null,
    urgency text not null,
    severity smallint,
    triggered_at timestamptz not null,
    -- seconds until a person acknowledged, or until it ended without
    ack_s int,
    censored_s int,
    -- the level that was reached last, or when a person acknowledged
    level smallint not null,
    is_exhausted boolean not null,
    is_noise boolean not null,
    vote text check (vote in ('actionable', 'not_actionable')),
    -- the hour of the week, from Monday 00:00, where it was for the first person who was called
    hour smallint not null check (hour between 0 and 167),
    -- the night in which it woke people, by the day on which it began
    night date,
    woken bigint[] not null,
    excluded text check (excluded in ('drill'))
);
create index page_fact_triggered on page_fact (triggered_at);
create index page_fact_severity on page_fact (severity, triggered_at) include (ack_s, censored_s, urgency, excluded);
create index page_fact_service on page_fact (service_id, triggered_at);
create index page_fact_team on page_fact (team_id, triggered_at);
create index page_fact_night on page_fact (triggered_at) where night is not null;

-- up to where facts follow the logs of pages and incidents
create table metric_progress (
    id int primary key default 1 check (id = 1),
    page_log_id bigint not null default 0,
    entry_id bigint not null default 0,
    refreshed_at timestamptz,
    -- changes whenever a fact does
    version bigint not null default 0,
    -- the nightly comparison with the sources
    compared_at timestamptz,
    drifted int not null default 0,
    drifted_at timestamptz
);
insert into metric_progress default values;
insert into due (kind, key, due_at) values ('kit.retention', 'page_fact', now() + interval '1 day');
