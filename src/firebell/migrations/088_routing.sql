-- The routing rules, one row for each time that someone saved them; the newest is in force. A version names the one
-- that it was based on, 0 for the first: of two people who change the same version, one is refused.
create table routing_version (
    id bigint generated always as identity primary key,
    based_on bigint not null unique,
    rules jsonb not null,
    last_rule_id int not null,
    note text not null,
    saved_at timestamptz not null,
    saved_by text not null
);

-- What a rule decided when the alert began: nothing if no rule matched. An alert without `routed_service_id` belongs to
-- the service of its integration.
alter table alert
    add column routed_service_id bigint references service,
    add column rule_id int,
    add column routing_version_id bigint references routing_version,
    add column is_fallback boolean;
create index alert_routed on alert (routed_service_id, id) where routed_service_id is not null;
create index alert_routed_firing on alert (integration_id, routed_service_id)
    where routed_service_id is not null and status = 'firing';
create index alert_of_rule on alert (rule_id, id) where rule_id is not null;

-- Why a rule lets a group wait before it pages; it waits until `released_at`, or until it is closed.
alter table alert_group add column hold jsonb;
create index alert_group_held on alert_group (id)
    where hold is not null and released_at is null and closed_at is null;

-- Owned by alerts. Returns the services with those that firing alerts of these keys belong to, in order.
create function alert_services(service_ids bigint[], integration_ids bigint[], dedup_keys text[]) returns bigint[]
language plpgsql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off
set plan_cache_mode = force_generic_plan as $$
begin
    return array(
        select unnest(service_ids)
        union
        select latest.routed_service_id
        from unnest(integration_ids, dedup_keys) as wanted (integration_id, dedup_key)
        cross join lateral (
            select routed_service_id, status, alert.integration_id, alert.dedup_key
            from alert
            where (alert.integration_id, alert.dedup_key, alert.id)
                <= (wanted.integration_id, wanted.dedup_key, 9223372036854775807)
            order by alert.integration_id desc, alert.dedup_key desc, alert.id desc
            limit 1
        ) latest
        where latest.integration_id = wanted.integration_id
            and latest.dedup_key = wanted.dedup_key
            and latest.status = 'firing'
            and latest.routed_service_id is not null
        order by 1
    );
end $$;

-- Owned by alerts. As before, with what a rule decided.
create or replace function insert_alerts(
    received timestamptz, new_alerts jsonb, new_group_ids bigint[], stored_message_ids bigint[]
) returns void language plpgsql as $$
begin
    insert into alert (
        integration_id, dedup_key, group_id, status, title, body, severity, labels, annotations, links,
        starts_at, ends_at, last_seen, hi_at, hi_rank, ended_by, count, hi_seen, late_at, late_rank, missed,
        message_ids, routed_service_id, rule_id, routing_version_id, is_fallback
    )
    select
        integration_id, dedup_key, coalesce(group_id, new_group_ids[new_group]), coalesce(status, 'firing'), title,
        body, severity, labels, annotations, links, starts_at, ends_at, coalesce(last_seen, received),
        coalesce(hi_at, starts_at), hi_rank, ended_by, coalesce(count, 1), coalesce(hi_seen, received),
        late_at, late_rank, coalesce(missed, false), coalesce(message_ids, array[stored_message_ids[message]]),
        routed_service_id, rule_id, routing_version_id, is_fallback
    from jsonb_to_recordset(new_alerts) as new (
        integration_id bigint, dedup_key text, group_id bigint, new_group int, message int, status text, title text,
        body text, severity text, labels jsonb, annotations jsonb, links jsonb, starts_at timestamptz,
        ends_at timestamptz, last_seen timestamptz, hi_at timestamptz, hi_rank smallint, ended_by text,
        count bigint, hi_seen timestamptz, late_at timestamptz, late_rank smallint, missed boolean,
        message_ids bigint[], routed_service_id bigint, rule_id int, routing_version_id bigint, is_fallback boolean
    );
end $$;
