-- The subject of each mail thread of a page (PG-7, and PG-7-alarm for its final alarm) is that of its first
-- mail. There is no foreign key: a sender that holds deliveries must not wait for a page's lock.
create table mail_thread (
    thread text primary key,
    subject text not null
);

-- A group is named by its most severe firing alert: whose title and severity these are.
-- Null: unknown, found out when the group changes next.
alter table alert_group add column lead_key text, add column lead_severity text;

-- The firing alerts of a group are found without reading those that ended.
drop index alert_of_group;
create index alert_of_group on alert (group_id, status);

-- Standard Webhooks: each webhook is signed with a secret of its own; after a rotation with both for a day.
alter table contact_method
    add column signing_secret bytea,
    add column previous_secret bytea,
    add column previous_until timestamptz;
update contact_method
set signing_secret = decode(replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 'hex')
where kind = 'webhook';
alter table contact_method add check ((kind = 'webhook') = (signing_secret is not null));

-- The address of a webhook or an ntfy topic is a password: the log keeps its host and its end alone.
update audit
set detail = detail || jsonb_build_object(
    'address',
    coalesce(substring(detail->>'address' from '^https?://[^/?#]+') || '/', '')
        || '…' || right(detail->>'address', 4)
)
where action = 'contact.added' and detail->>'kind' in ('webhook', 'ntfy');
