-- When the event that set an alert's order key arrived, the order of the last event that was late since, and
-- whether the alert fired with an older time than its end (A-MISSED, spec 3.2).
alter table alert
    add column hi_seen timestamptz not null default 'epoch',
    add column late_at timestamptz,
    add column late_rank smallint,
    add column missed boolean not null default false;
alter table alert alter column hi_seen drop default;

-- What was changed on a service (deployments, flags): never pages, shown beside what pages. Kept 30 days.
create table change_event (
    id bigint generated always as identity primary key,
    integration_id bigint not null references integration on delete cascade,
    service_id bigint not null references service on delete cascade,
    -- when it was made: as its source says, else when it arrived
    at timestamptz not null,
    received_at timestamptz not null,
    -- SHA-256 of what the source sent, so that a message that is sent again is one change
    digest bytea not null,
    summary text not null,
    source text not null,
    links jsonb not null,
    details jsonb not null
);
create index change_event_of_service on change_event (service_id, at, id);
create index change_event_digest on change_event (integration_id, digest);
create index change_event_received on change_event (received_at);
