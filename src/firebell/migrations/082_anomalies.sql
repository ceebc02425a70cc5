-- Anomalies of alert counts: the counts by quarter of an hour, what is watched, and what was unusual.

-- an integration of Firebell itself: no sender has its key, and no one can reveal or revoke it
alter table integration add column is_internal boolean not null default false;
create unique index integration_internal on integration (service_id, name) where is_internal;

-- written by a timer, never by ingest
create table anomaly_count (
    service_id bigint not null references service on delete cascade,
    -- the rule; empty for all alerts of the service
    rule text not null,
    quarter timestamptz not null,
    alerts int not null check (alerts > 0),
    primary key (service_id, rule, quarter)
);
create index anomaly_count_quarter on anomaly_count (quarter);

create table anomaly_progress (
    id int primary key default 1 check (id = 1),
    -- the alerts up to this one are counted
    settled_id bigint not null default 0,
    -- the newest alert at an earlier instant: up to it, all are committed once that instant is long past
    mark_id bigint,
    mark_at timestamptz,
    -- the end of the newest quarter that was judged; null while nothing is watched
    judged_until timestamptz
);
insert into anomaly_progress default values;

-- when Firebell did not run, so that counts are missing
create table anomaly_gap (
    starts_at timestamptz primary key,
    ends_at timestamptz not null
);

create table anomaly_detector (
    id bigint generated always as identity primary key,
    service_id bigint not null references service on delete cascade,
    -- the rule; empty for all alerts of the service
    rule text not null,
    -- the time zone of the hours of the week
    tz text not null,
    integration_id bigint not null references integration on delete cascade,
    enabled_at timestamptz not null,
    enabled_by text not null,
    disabled_at timestamptz,
    accepted_at timestamptz,
    accepted_by text,
    accepted_by_id bigint references person,
    -- the back-test that was accepted: its end, and its totals
    backtest jsonb,
    -- when the back-test was compared with what happened
    compared_at timestamptz,
    unique (service_id, rule)
);
create index anomaly_detector_integration on anomaly_detector (integration_id);
create index anomaly_detector_accepted_by on anomaly_detector (accepted_by_id);

create table anomaly (
    id bigint generated always as identity primary key,
    detector_id bigint not null references anomaly_detector on delete cascade,
    bin_minutes smallint not null check (bin_minutes in (15, 60)),
    began_at timestamptz not null,
    fired_at timestamptz not null,
    cleared_at timestamptz,
    -- its highest bin, and what was usual for it; null while Firebell was learning
    peak_at timestamptz not null,
    count int not null,
    median double precision,
    usual_low int,
    usual_high int,
    score double precision,
    is_urgent boolean not null,
    -- the calm bins in a row up to now
    calm_bins smallint not null default 0
);
create unique index anomaly_running on anomaly (detector_id, bin_minutes) where cleared_at is null;
create index anomaly_of_detector on anomaly (detector_id, fired_at);
create index anomaly_fired on anomaly (fired_at);

insert into due (kind, key, due_at)
values
    ('anomalies.count', 'all', now() + interval '1 hour'),
    ('kit.retention', 'anomaly', now() + interval '1 day'),
    ('kit.retention', 'anomaly_count', now() + interval '1 day'),
    ('kit.retention', 'anomaly_gap', now() + interval '1 day');
