-- How an alert changed lately between firing and resolved, and whether it flaps: a flapping alert stays firing until it
-- is calm. Null for one that was steady.
alter table alert add column flap jsonb;

-- At how many changes within an hour the alerts of an integration flap, 0 for never; and the labels that its sender
-- changes with each event, which are no part of an alert.
alter table integration
    add column flapping_changes int not null default 6 check (flapping_changes = 0 or flapping_changes between 3 and 20),
    add column drop_labels text[] not null default '{}';

-- Owned by alerts. As before, with how an alert flaps.
create or replace function insert_alerts(
    received timestamptz, new_alerts jsonb, new_group_ids bigint[], stored_message_ids bigint[]
) returns void language plpgsql as $$
begin
    insert into alert (
        integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,
        starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,
        message_ids, routed_service_id, rule_id, routing_version_id, is_fallback, flap
    )
    select
        integration_id, dedup_key, coalesce(group_id, new_group_ids[new_group]), coalesce(status, 'firing'), title,
        body, severity, labels, annotations, links, starts_at, ends_at, coalesce(last_seen, received),
        coalesce(hi_at, starts_at), hi_rank, ended_by, coalesce(count, 1), coalesce(hi_seen, received),
        late_at, late_rank, coalesce(missed, false), coalesce(message_ids, array[stored_message_ids[message]]),
        routed_service_id, rule_id, routing_version_id, is_fallback, flap
    from jsonb_to_recordset(new_alerts) as new (
        integration_id bigint, dedup_key text, group_id bigint, new_group int, message int, status text, title text,
        body text, severity text, labels jsonb, annotations jsonb, links jsonb, starts_at timestamptz,
        ends_at timestamptz, last_seen timestamptz, hi_at timestamptz, hi_rank smallint, ended_by text,
        count bigint, hi_seen timestamptz, late_at timestamptz, late_rank smallint, missed boolean,
        message_ids bigint[], routed_service_id bigint, rule_id int, routing_version_id bigint, is_fallback boolean,
        flap jsonb
    );
end $$;

-- Owned by alerts. As before, with how an alert flaps.
create or replace function save_batch(
    saved timestamptz, changed_groups jsonb, changed_alerts jsonb, new_groups jsonb, new_alerts jsonb,
    quarters timestamptz[], counted_service_ids bigint[], counts int[],
    out group_ids bigint[]
) language plpgsql
set timezone = 'UTC' set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
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
        message_ids = changed.message_ids,
        flap = changed.flap
    from jsonb_to_recordset(changed_alerts) as changed (
        id bigint, status text, title text, body text, severity text, labels jsonb, annotations jsonb, links jsonb,
        ends_at timestamptz, last_seen timestamptz, hi_at timestamptz, hi_rank smallint, ended_by text, count bigint,
        hi_seen timestamptz, late_at timestamptz, late_rank smallint, missed boolean, message_ids bigint[],
        flap jsonb
    )
    where alert.id = changed.id;
    group_ids := insert_groups(saved, new_groups);
    perform insert_alerts(saved, new_alerts, group_ids, null);
    perform count_alerts(quarters, counted_service_ids, counts);
end $$;
