-- Drills: a scenario on a clock, who takes part, and what happened.

create table drill (
    id bigint generated always as identity primary key,
    slug text not null,
    title text not null,
    kind text not null check (kind in ('game_day', 'tabletop')),
    -- the scenario file as it was when the drill was planned
    scenario_text text not null,
    minutes int not null check (minutes > 0),
    speed int not null check (speed between 1 and 10),
    state text not null default 'planned'
        check (state in ('planned', 'running', 'paused', 'finished', 'canceled')),
    team_id bigint references team on delete set null,
    -- stands for the services of the scenario: its policy decides whom an alert would page
    service_id bigint references service on delete set null,
    facilitator_id bigint not null references person,
    planned_for timestamptz not null,
    started_at timestamptz,
    paused_at timestamptz,
    -- the pauses that ended, as pairs of instants
    pauses jsonb not null default '[]',
    pause_reason text not null default '',
    finished_at timestamptz,
    incident_id bigint references incident,
    earned double precision,
    possible double precision,
    results jsonb not null default '[]',
    findings jsonb not null default '[]',
    created_at timestamptz not null,
    version bigint not null default 1,
    check ((state = 'planned' or state = 'canceled') or started_at is not null),
    check ((state = 'paused') = (paused_at is not null)),
    check ((state = 'finished') = (finished_at is not null))
);
create index drill_listed on drill (planned_for desc, id desc);
create index drill_under_way on drill (id) where state in ('running', 'paused');
create index drill_finished on drill (finished_at desc) where state = 'finished';
create unique index drill_of_incident on drill (incident_id) where incident_id is not null;

-- Only who accepted can be reached by the drill.
create table drill_participant (
    drill_id bigint not null references drill on delete cascade,
    person_id bigint not null references person,
    state text not null default 'invited' check (state in ('invited', 'accepted', 'declined')),
    -- may be paged between 22:00 and 7:00 of their own time
    night_ok boolean not null default false,
    is_away boolean not null default false,
    attended boolean not null default false,
    primary key (drill_id, person_id)
);
create index drill_participant_person on drill_participant (person_id, drill_id);

-- Times in seconds are drill time.
create table drill_inject (
    drill_id bigint not null references drill on delete cascade,
    inject_id text not null,
    skipped boolean not null,
    at timestamptz not null,
    elapsed_s double precision not null,
    page_id bigint,
    note text not null,
    answer text not null default '',
    answered_s double precision,
    answered_by bigint references person,
    primary key (drill_id, inject_id)
);
create index drill_inject_page on drill_inject (page_id) where page_id is not null;

create table drill_observation (
    id bigint generated always as identity primary key,
    drill_id bigint not null references drill on delete cascade,
    elapsed_s double precision not null,
    actor text not null,
    text text not null
);
create index drill_observation_drill on drill_observation (drill_id, id);

-- What would have left Firebell.
create table drill_tray_post (
    id bigint generated always as identity primary key,
    drill_id bigint not null references drill on delete cascade,
    elapsed_s double precision not null,
    target text not null check (target in ('status_page', 'email', 'regulator', 'press', 'tracker')),
    text text not null,
    actor text not null,
    person_id bigint references person
);
create index drill_tray_post_drill on drill_tray_post (drill_id, id);

create table drill_verdict (
    drill_id bigint not null references drill on delete cascade,
    expectation_id text not null,
    met boolean not null,
    primary key (drill_id, expectation_id)
);

insert into due (kind, key, due_at)
values ('drills.reminder', 'daily', now() + interval '1 hour');
