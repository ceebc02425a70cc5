-- Scheduled maintenance is a public incident of its own kind: its updates are part of the log of its status page.
alter table public_incident
    add column kind text not null default 'incident' check (kind in ('incident', 'maintenance')),
    add constraint public_incident_maintenance_is_about_no_incident
        check (kind = 'incident' or incident_id is null);
alter table public_update
    drop constraint public_update_stage_check,
    add constraint public_update_stage_check check (
        stage in (
            'investigating', 'identified', 'monitoring', 'resolved',
            'scheduled', 'in_progress', 'verifying', 'completed', 'cancelled'
        )
    );

-- Windows that repeat. `first_start` is wall time in the time zone of the page, `rule` an RRULE.
create table maintenance_series (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    status_page_id bigint not null references status_page on delete cascade,
    name text not null check (name <> ''),
    body text not null,
    rule text not null,
    first_start timestamp not null,
    length_s int not null check (length_s > 0),
    component_ids bigint[] not null,
    auto_start boolean not null,
    auto_end boolean not null,
    reminders int[] not null,
    created_by bigint references person,
    created_at timestamptz not null,
    stopped_at timestamptz
);
create index maintenance_series_of_page on maintenance_series (status_page_id);
create index maintenance_series_creator on maintenance_series (created_by);

-- One window. `occurrence` is the start that its series gave it, `reminders` are minutes before the start, and
-- what was due until `handled_until` was handled. `version` is the epoch of its timer.
create table maintenance (
    public_incident_id bigint primary key references public_incident on delete cascade,
    status_page_id bigint not null references status_page on delete cascade,
    series_id bigint references maintenance_series on delete cascade,
    occurrence timestamp,
    stage text not null check (stage in ('scheduled', 'in_progress', 'verifying', 'completed', 'cancelled')),
    scheduled_for timestamptz not null,
    scheduled_until timestamptz not null check (scheduled_until > scheduled_for),
    announced_at timestamptz not null,
    started_at timestamptz,
    ended_at timestamptz,
    component_ids bigint[] not null,
    auto_start boolean not null,
    auto_end boolean not null,
    reminders int[] not null,
    handled_until timestamptz not null,
    created_by bigint references person,
    version int not null default 0,
    unique (series_id, occurrence)
);
create index maintenance_of_page on maintenance (status_page_id, public_incident_id);
create index maintenance_unfinished on maintenance (status_page_id, scheduled_for)
    where stage in ('scheduled', 'in_progress', 'verifying');
create index maintenance_ended on maintenance (status_page_id, ended_at) where ended_at is not null;
create index maintenance_creator on maintenance (created_by);

-- The websites that may show a status page in a frame.
create table status_page_embed_origin (
    status_page_id bigint not null references status_page on delete cascade,
    origin text not null,
    primary key (status_page_id, origin)
);
