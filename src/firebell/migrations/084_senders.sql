-- An alert can end because its source no longer sends it, although it sends others.
alter table alert drop constraint alert_ended_by_check;
alter table alert add constraint alert_ended_by_check check (ended_by in ('source', 'human', 'timeout')) not valid;

-- When a firing alert ends unless its source sends it again. A row is deleted when its alert has ended.
create table alert_expiry (
    integration_id bigint not null references integration,
    dedup_key text not null,
    expires_at timestamptz not null,
    primary key (integration_id, dedup_key)
) with (fillfactor = 70);
create index alert_expiry_of_integration on alert_expiry (integration_id, expires_at);

-- A source whose alerts expire: when it last sent one, since when an expired alert waits for it, and when its silence
-- was reported.
create table expiring_source (
    integration_id bigint primary key references integration,
    last_message_at timestamptz not null,
    waiting_since timestamptz,
    reported_at timestamptz
) with (fillfactor = 70);

-- What became of a write through Opsgenie's API, which its clients ask for by the id of the request.
create table opsgenie_request (
    id uuid primary key,
    integration_id bigint not null references integration,
    action text not null,
    is_success boolean not null,
    status text not null,
    processed_at timestamptz not null,
    alert_id bigint,
    alias text not null default ''
);
create index opsgenie_request_processed on opsgenie_request (processed_at);
insert into due (kind, key, due_at) values ('kit.retention', 'opsgenie_request', now() + interval '1 day');
