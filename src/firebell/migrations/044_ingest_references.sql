-- A foreign key is checked row by row, each with a query of its own. That was 13% of what PostgreSQL spends on an alert,
-- for integrations that a batch shares: `insert_messages` now checks and locks them once for a batch, in the transaction
-- that also inserts its alerts. What is deleted with an integration stays the same.
alter table event drop constraint event_integration_id_fkey;
alter table alert drop constraint alert_integration_id_fkey;

-- Owned by alerts. Deletes what belongs to deleted integrations, as the foreign keys did; groups have theirs still.
create function delete_of_integrations() returns trigger language plpgsql as $$
begin
    delete from event where integration_id in (select id from deleted);
    delete from alert where integration_id in (select id from deleted);
    return null;
end $$;
create trigger integration_deleted after delete on integration
    referencing old table as deleted
    for each statement execute function delete_of_integrations();

-- Owned by alerts. Stores messages and returns their ids in the order of the arrays. Fails as a foreign key does if an
-- integration does not exist; the others are not deleted before the transaction ends.
create or replace function insert_messages(
    received timestamptz, integration_ids bigint[], sources text[], bodies bytea[], alert_counts int[], errors text[]
) returns bigint[] language plpgsql as $$
declare
    message_ids bigint[];
    missing_id bigint;
begin
    perform id from integration where id = any(integration_ids) for key share;
    select sent.id
    into missing_id
    from unnest(integration_ids) as sent (id)
    where not exists (select from integration where integration.id = sent.id)
    limit 1;
    if found then
        raise foreign_key_violation using message = format('There is no integration %s.', missing_id);
    end if;
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
