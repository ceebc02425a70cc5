-- A page starts in one round trip: with its first log entry and its timer. The functions decide nothing; Python passes
-- what they write. Ingest holds the lock of a service meanwhile.

-- Owned by kit. Sets the timers of one kind, in the order of the arrays: a subject never has two.
create function schedule_timers(timer_kind text, keys text[], due_ats timestamptz[], epochs bigint[]) returns void
language plpgsql as $$
begin
    insert into due (kind, key, due_at, epoch)
    select timer_kind, timer.key, timer.due_at, timer.epoch
    from unnest(keys, due_ats, epochs) as timer (key, due_at, epoch)
    on conflict (kind, key) do update
    set due_at = excluded.due_at,
        epoch = excluded.epoch,
        attempts = 0,
        last_error = null;
end $$;

-- Owned by paging. Starts pages whose timers are due now, and returns the ids of those whose subject had no open page.
create function start_pages(started timestamptz, timer_kind text, new_pages jsonb) returns bigint[]
language plpgsql as $$
declare
    page_ids bigint[];
    epochs bigint[];
begin
    with new_page as (
        select *
        from jsonb_to_recordset(new_pages) as new (
            subject_kind text, subject_id bigint, service_id bigint, team_id bigint, policy_id bigint, plan jsonb,
            title text, urgency text, severity int, actor text, text text, actor_id bigint
        )
    ), inserted as (
        insert into page (
            subject_kind, subject_id, service_id, team_id, policy_id, plan, title, urgency, severity,
            state, due_at, triggered_at
        )
        select
            subject_kind, subject_id, service_id, team_id, policy_id, plan, title, urgency, severity,
            'triggered', started, started
        from new_page
        on conflict (subject_kind, subject_id) where state not in ('resolved', 'merged') do nothing
        returning id, epoch, subject_kind, subject_id
    ), logged as (
        insert into page_log (page_id, at, kind, actor, actor_id, text)
        select inserted.id, started, 'triggered', new_page.actor, new_page.actor_id, new_page.text
        from inserted
        join new_page using (subject_kind, subject_id)
        order by inserted.id
    )
    select array_agg(id order by id), array_agg(epoch order by id)
    into page_ids, epochs
    from inserted;
    if page_ids is not null then
        perform schedule_timers(timer_kind, page_ids::text[], array_fill(started, array[cardinality(page_ids)]), epochs);
    end if;
    return page_ids;
end $$;

-- Ingest plans each of its statements once for a connection. Otherwise PostgreSQL plans them again for each batch that
-- is smaller than the ten rows that it expects of an array.
alter function receive_messages set plan_cache_mode = force_generic_plan;
alter function save_batch set plan_cache_mode = force_generic_plan;
alter function store_new_alerts set plan_cache_mode = force_generic_plan;

-- When the deletion of what is old last began and ended, for each table.
create table retention_run (
    table_name text primary key,
    began_at timestamptz not null,
    ended_at timestamptz
);
