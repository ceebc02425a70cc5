-- Alerts that maintenance mutes are in groups of their own, which have no page until the mute ends.
create table alert_mute (
    id bigint generated always as identity primary key,
    name text not null,
    -- the page that explains the mute
    path text not null,
    service_ids bigint[] not null,
    matchers text not null,
    starts_at timestamptz not null,
    ends_at timestamptz not null,
    ended_at timestamptz
);
create index alert_mute_open on alert_mute (ends_at) where ended_at is null;

-- a group is muted if it has a mute and was not released
alter table alert_group
    add column mute_id bigint references alert_mute,
    add column released_at timestamptz;
create index alert_group_mute on alert_group (mute_id) where mute_id is not null;

-- Owned by alerts. Inserts groups, closed ones if no alert fires, and returns their ids in the order of the array.
create or replace function insert_groups(saved timestamptz, new_groups jsonb) returns bigint[] language plpgsql as $$
declare
    group_ids bigint[];
begin
    with inserted as (
        insert into alert_group (
            integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity, mute_id, closed_at
        )
        select new.*, case when new.firing <= 0 then saved end
        from jsonb_to_recordset(new_groups) as new (
            integration_id bigint, service_id bigint, key text, title text, urgency text, opened_at timestamptz,
            last_at timestamptz, alerts int, firing int, events bigint, lead_key text, lead_severity text,
            mute_id bigint
        )
        returning id
    )
    select array_agg(id order by id) into group_ids from inserted;
    return group_ids;
end $$;

-- which alerts a window mutes: those of its components if it names no services
alter table maintenance
    add column mutes boolean not null default false,
    add column mute_service_ids bigint[] not null default '{}',
    add column mute_matchers text not null default '',
    add column mute_id bigint references alert_mute;
alter table maintenance_series
    add column mutes boolean not null default false,
    add column mute_service_ids bigint[] not null default '{}',
    add column mute_matchers text not null default '';

-- the public incident that continues this one: the other one of a merge, or a new one
alter table public_incident add column continued_by bigint references public_incident;
