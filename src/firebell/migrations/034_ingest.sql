-- Ingest stores a batch in two round trips, or in one. These functions decide nothing: they lock, check what
-- Python assumed, read and write. A declaration of the slice names each (`functions`), and a house test holds it
-- to the tables of its slice. The settings make every plan look rows up by index, one by one: a plan is kept for the
-- life of a connection, and a table that is small at first grows.

-- Owned by catalog. Changes to the alerts of a service are serialized by this lock; it is always taken first.
create function lock_services(service_ids bigint[]) returns void language plpgsql as $$
begin
    perform id from service where id = any(service_ids) order by id for no key update;
end $$;

-- What ingest may read of a page: a group whose page is acknowledged needs a decision by paging.
create view open_group_page as
    select subject_id as group_id, id as page_id, state = 'acked' as is_acked
    from page
    where subject_kind = 'group' and state not in ('resolved', 'merged');

-- Owned by alerts. Stores messages and returns their ids in the order of the arrays.
create function insert_messages(
    received timestamptz, integration_ids bigint[], sources text[], bodies bytea[], alert_counts int[], errors text[]
) returns bigint[] language plpgsql as $$
declare
    message_ids bigint[];
begin
    with inserted as (
        insert into event (integration_id, received_at, source, body, alerts, error)
        select integration_id, received, source, body, alerts, error
        from unnest(integration_ids, sources, bodies, alert_counts, errors)
            as message (integration_id, source, body, alerts, error)
        returning id
    )
    select array_agg(id order by id) into message_ids from inserted;
    return message_ids;
end $$;

-- Owned by alerts. Locks the services, stores messages and the ids of their events, and returns what the events may
-- change: the latest alert of each key, open groups, each service's storm or how many groups it opened lately.
create function receive_messages(
    received timestamptz, service_ids bigint[],
    integration_ids bigint[], sources text[], bodies bytea[], alert_counts int[], errors text[],
    event_ids bytea[], late_window interval,
    alert_integration_ids bigint[], dedup_keys text[], group_service_ids bigint[], group_keys text[],
    storms_since timestamptz, group_limit int,
    out message_ids bigint[], out new_event_ids bytea[], out alerts json, out groups json, out storms json,
    out opened json
) language plpgsql
set timezone = 'UTC' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    perform lock_services(service_ids);
    message_ids := insert_messages(received, integration_ids, sources, bodies, alert_counts, errors);
    with inserted as (
        insert into seen_event as known (id, at)
        select distinct id, received
        from unnest(event_ids) as event (id)
        order by id
        on conflict (id) do update set at = excluded.at
        where known.at not between excluded.at - late_window and excluded.at + late_window
        returning id
    )
    select array_agg(id) into new_event_ids from inserted;
    -- rows are compared so that only the index of keys has their order: the one of an integration's alerts looks as
    -- cheap to the planner, but reads all of them for a key that is new
    with latest as (
        select latest.*
        from unnest(alert_integration_ids, dedup_keys) as wanted (integration_id, dedup_key)
        cross join lateral (
            select *
            from alert
            where (alert.integration_id, alert.dedup_key, alert.id)
                <= (wanted.integration_id, wanted.dedup_key, 9223372036854775807)
            order by alert.integration_id desc, alert.dedup_key desc, alert.id desc
            limit 1
        ) latest
        where latest.integration_id = wanted.integration_id and latest.dedup_key = wanted.dedup_key
    ), open_group as (
        select by_key.*
        from unnest(group_service_ids, group_keys) as wanted (service_id, key)
        cross join lateral (
            select *
            from alert_group
            where alert_group.service_id = wanted.service_id and alert_group.key = wanted.key and closed_at is null
            limit 1
        ) by_key
        union
        select by_id.*
        from latest
        cross join lateral (
            select *
            from alert_group
            where alert_group.id = latest.group_id and closed_at is null
            limit 1
        ) by_id
        where latest.status = 'firing'
    ), storm as (
        select storm.*
        from unnest(service_ids) as service (id)
        cross join lateral (
            select *
            from alert_group
            where alert_group.service_id = service.id and key is null and closed_at is null
                and opened_at > storms_since
            order by opened_at desc
            limit 1
        ) storm
    )
    select
        (select json_agg(latest) from latest),
        (select json_agg(open_group) from open_group),
        (select json_agg(storm) from storm),
        (
            select json_agg(json_build_array(
                service.id,
                (
                    select count(*)
                    from (
                        select
                        from alert_group
                        where alert_group.service_id = service.id and opened_at > storms_since and key is not null
                        limit group_limit
                    ) recent
                )
            ))
            from unnest(service_ids) as service (id)
            where service.id not in (select storm.service_id from storm)
        )
    into alerts, groups, storms, opened;
end $$;

-- Owned by alerts. Inserts groups, closed ones if no alert fires, and returns their ids in the order of the array.
create function insert_groups(saved timestamptz, new_groups jsonb) returns bigint[] language plpgsql as $$
declare
    group_ids bigint[];
begin
    with inserted as (
        insert into alert_group (
            integration_id, service_id, key, title, urgency, opened_at, last_at, alerts, firing, events,
            lead_key, lead_severity, closed_at
        )
        select new.*, case when new.firing <= 0 then saved end
        from jsonb_to_recordset(new_groups) as new (
            integration_id bigint, service_id bigint, key text, title text, urgency text, opened_at timestamptz,
            last_at timestamptz, alerts int, firing int, events bigint, lead_key text, lead_severity text
        )
        returning id
    )
    select array_agg(id order by id) into group_ids from inserted;
    return group_ids;
end $$;

-- Owned by alerts. Inserts alerts: every new alert is written here. An alert names its stored group by `group_id`, or
-- one of `new_group_ids` by `new_group`, its number from 1; and its message by `message`, the same way. What is left
-- out is as it is for an alert that fires now for the first time.
create function insert_alerts(
    received timestamptz, new_alerts jsonb, new_group_ids bigint[], stored_message_ids bigint[]
) returns void language plpgsql as $$
begin
    insert into alert (
        integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,
        starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,
        message_ids
    )
    select
        integration_id, dedup_key, coalesce(group_id, new_group_ids[new_group]), coalesce(status, 'firing'), title,
        body, severity, labels, annotations, links, starts_at, ends_at, coalesce(last_seen, received),
        coalesce(hi_at, starts_at), hi_rank, ended_by, coalesce(count, 1), coalesce(hi_seen, received),
        late_at, late_rank, coalesce(missed, false), coalesce(message_ids, array[stored_message_ids[message]])
    from jsonb_to_recordset(new_alerts) as new (
        integration_id bigint, dedup_key text, group_id bigint, new_group int, message int, status text, title text,
        body text, severity text, labels jsonb, annotations jsonb, links jsonb, starts_at timestamptz,
        ends_at timestamptz, last_seen timestamptz, hi_at timestamptz, hi_rank smallint, ended_by text,
        count bigint, hi_seen timestamptz, late_at timestamptz, late_rank smallint, missed boolean,
        message_ids bigint[]
    );
end $$;
