-- Owned by alerts. Saves what a batch changed, and returns the ids of its new groups in the order of the array. A
-- closed group is saved before a new group with its key is inserted.
create function save_batch(
    saved timestamptz, changed_groups jsonb, changed_alerts jsonb, new_groups jsonb, new_alerts jsonb,
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
end $$;
