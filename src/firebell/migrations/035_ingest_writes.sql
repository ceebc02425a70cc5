-- Owned by alerts. Adds alerts to the counters of their quarter of an hour and service, in the order of the key. The
-- services are locked, so that no two transactions wait for one counter.
create function count_alerts(quarters timestamptz[], service_ids bigint[], counts int[]) returns void
language plpgsql as $$
begin
    insert into alert_count (quarter, service_id, alerts)
    select quarter, service_id, alerts
    from unnest(quarters, service_ids, counts) as started (quarter, service_id, alerts)
    on conflict (quarter, service_id) do update
    set alerts = alert_count.alerts + excluded.alerts;
end $$;

-- Owned by alerts. Saves what a batch changed, and returns the ids of its new groups in the order of the array. A
-- closed group is saved before a new group with its key is inserted.
create function save_batch(
    saved timestamptz, changed_groups jsonb, changed_alerts jsonb, new_groups jsonb, new_alerts jsonb,
    quarters timestamptz[], counted_service_ids bigint[], counts int[],
    out group_ids bigint[]
) language plpgsql
set timezone = 'UTC' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
    update alert_group
    set urgency = changed.urgency,
        last_at = changed.last_at,
        alerts = changed.alerts,
        firing = changed.firing,
        events = changed.events,
        title = changed.title,
        lead_key = changed.lead_key,
        lead_severity = changed.lead_severity,
        closed_at = case when changed.firing <= 0 then saved end
    from jsonb_to_recordset(changed_groups) as changed (
        id bigint, urgency text, last_at timestamptz, alerts int, firing int, events bigint, title text,
        lead_key text, lead_severity text
    )
    where alert_group.id = changed.id;
    update alert
    set status = changed.status,
        title = changed.title,
        body = changed.body,
        severity = changed.severity,
        labels = changed.labels,
        annotations = changed.annotations,
        links = changed.links,
        ends_at = changed.ends_at,
        last_seen = changed.last_seen,
        hi_at = changed.hi_at,
        hi_rank = changed.hi_rank,
        ended_by = changed.ended_by,
        count = changed.count,
        hi_seen = changed.hi_seen,
        late_at = changed.late_at,
        late_rank = changed.late_rank,
        missed = changed.missed,
        message_ids = changed.message_ids
    from jsonb_to_recordset(changed_alerts) as changed (
        id bigint, status text, title text, body text, severity text, labels jsonb, annotations jsonb, links jsonb,
        ends_at timestamptz, last_seen timestamptz, hi_at timestamptz, hi_rank smallint, ended_by text, count bigint,
        hi_seen timestamptz, late_at timestamptz, late_rank smallint, missed boolean, message_ids bigint[]
    )
    where alert.id = changed.id;
    group_ids := insert_groups(saved, new_groups);
    perform insert_alerts(saved, new_alerts, group_ids, null);
    perform count_alerts(quarters, counted_service_ids, counts);
end $$;

-- Owned by alerts. Stores a batch in one statement if what Python assumed of it is true, and otherwise writes nothing
-- and returns `is_stored` false. All its events are of alerts that fire for the first time. Assumed is that
--  * no alert has one of the keys, and no event was seen;
--  * the `joined_ids` are open groups with this lead and at most `joined_limits` alerts, and no page of one is
--    acknowledged: so nobody is paged again and no title changes;
--  * no open group has one of the absent keys;
--  * the opening services have no storm, and opened at most `opening_limits` groups since `storms_since`.
-- Returns the ids of the new groups, in the order of the array, and the open pages of the joined ones.
create function store_new_alerts(
    received timestamptz, service_ids bigint[],
    integration_ids bigint[], sources text[], bodies bytea[], alert_counts int[], errors text[], event_ids bytea[],
    alert_integration_ids bigint[], dedup_keys text[],
    joined_ids bigint[], joined_lead_keys text[], joined_lead_severities text[], joined_limits int[],
    joining_counts int[],
    absent_service_ids bigint[], absent_keys text[],
    opening_service_ids bigint[], opening_limits int[], storms_since timestamptz,
    new_groups jsonb, new_alerts jsonb,
    quarters timestamptz[], counted_service_ids bigint[], counts int[],
    out is_stored boolean, out group_ids bigint[], out page_ids bigint[]
) language plpgsql
set timezone = 'UTC' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
    open_groups int;
    has_acked boolean;
begin
    is_stored := false;
    perform lock_services(service_ids);
    if exists (
        select
        from unnest(alert_integration_ids, dedup_keys) as new (integration_id, dedup_key)
        cross join lateral (
            select integration_id, dedup_key
            from alert
            where (alert.integration_id, alert.dedup_key) <= (new.integration_id, new.dedup_key)
            order by alert.integration_id desc, alert.dedup_key desc
            limit 1
        ) known
        where known.integration_id = new.integration_id and known.dedup_key = new.dedup_key
    ) or exists (
        select
        from unnest(event_ids) as new (id)
        cross join lateral (select from seen_event where seen_event.id = new.id limit 1) known
    ) or exists (
        select
        from unnest(absent_service_ids, absent_keys) as absent (service_id, key)
        cross join lateral (
            select
            from alert_group
            where alert_group.service_id = absent.service_id and alert_group.key = absent.key and closed_at is null
            limit 1
        ) known
    ) or exists (
        select
        from unnest(opening_service_ids, opening_limits) as opening (service_id, group_limit)
        where exists (
            select
            from alert_group
            where alert_group.service_id = opening.service_id and key is null and closed_at is null
                and opened_at > storms_since
        ) or exists (
            select
            from alert_group
            where alert_group.service_id = opening.service_id and opened_at > storms_since and key is not null
            offset opening.group_limit
        )
    ) then
        return;
    end if;
    select count(*), array_agg(page.page_id), bool_or(page.is_acked)
    into open_groups, page_ids, has_acked
    from unnest(joined_ids, joined_lead_keys, joined_lead_severities, joined_limits)
        as joined (id, lead_key, lead_severity, alerts_limit)
    cross join lateral (
        select id
        from alert_group
        where alert_group.id = joined.id and closed_at is null
            and alert_group.lead_key is not distinct from joined.lead_key
            and alert_group.lead_severity is not distinct from joined.lead_severity
            and alert_group.alerts <= joined.alerts_limit
        limit 1
    ) open_group
    left join lateral (
        select page_id, is_acked from open_group_page where group_id = open_group.id limit 1
    ) page on true;
    if open_groups < cardinality(joined_ids) or has_acked then
        return;
    end if;
    insert into seen_event (id, at) select id, received from unnest(event_ids) as event (id) order by id;
    update alert_group
    set alerts = alerts + joining.count,
        firing = firing + joining.count,
        events = events + joining.count,
        last_at = greatest(last_at, received)
    from unnest(joined_ids, joining_counts) as joining (id, count)
    where alert_group.id = joining.id;
    group_ids := insert_groups(received, new_groups);
    perform insert_alerts(
        received, new_alerts, group_ids,
        insert_messages(received, integration_ids, sources, bodies, alert_counts, errors)
    );
    perform count_alerts(quarters, counted_service_ids, counts);
    is_stored := true;
    page_ids := array_remove(page_ids, null);
end $$;
