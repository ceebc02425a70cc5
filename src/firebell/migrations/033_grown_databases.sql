-- Lists and searches of a database with a year of data read indexes. Each index costs ingest or the escalation of
-- pages something; its use is named here. An event that repeats an alert and an escalation that leaves the state of a
-- page stay HOT updates; an event that changes the title or the severity of its alert is none any more.

-- Roles of an incident: the frame of every page has the commanders of the open ones.
create index incident_role_current on incident_role (incident_id) where until_at is null;

-- Deleting a policy.
create index page_of_policy on page (policy_id) where policy_id is not null;

-- The alerts of a group in the order of its messages and screens, so that those of a storm are not sorted for each
-- message. It serves what alert_of_group served.
create index alert_listed on alert (
    group_id,
    (
        case
            when status <> 'firing' then 9
            else coalesce(array_position(array['critical', 'error', '', 'warning', 'info'], coalesce(severity, '')), 6)
        end
    ),
    id desc
);
drop index alert_of_group;

-- Messages about pages that arrived in a month, for workload and pay, and a page that is deleted with its messages.
-- `state` is in the condition of delivery_next already.
create index delivery_arrived on delivery (sent_at) where state = 'accepted' and subject_kind = 'page';
create index delivery_page on delivery (page_id) where page_id is not null;

-- The list of post-mortems.
create index postmortem_listed on postmortem ((state = 'published'), due_at desc);

-- Alerts by the quarter of an hour in which they started, kept at ingest, for charts. A row belongs to a service, whose
-- lock ingest holds, so that batches of different services never wait for one counter.
create table alert_count (
    quarter timestamptz not null,
    service_id bigint not null references service on delete cascade,
    alerts bigint not null,
    primary key (quarter, service_id)
)
with (fillfactor = 50);
insert into alert_count (quarter, service_id, alerts)
select date_bin('15 minutes', alert.starts_at, 'epoch'), integration.service_id, count(*)
from alert
join integration on integration.id = alert.integration_id
where alert.count > 0
group by 1, 2;

-- The words of a text, as before, but printable ASCII without normalization and regular expressions: it is computed for
-- each alert that arrives. The limit keeps each word below the longest that a tsvector can hold.
do $migration$
declare
    folded text := '$1';
    code int;
    body text := (select prosrc from pg_proc where proname = 'search_vector' and pronamespace = current_schema()::regnamespace);
begin
    for code in select generate_series(33, 126) loop
        if chr(code) !~ '[0-9A-Za-z]' then
            folded := format('replace(%s, %L, '' '')', folded, chr(code));
        end if;
    end loop;
    execute format(
        'create or replace function search_vector(text) returns tsvector'
        ' language plpgsql immutable strict parallel safe cost 1000'
        ' as $function$ begin'
        ' if octet_length($1) <= 2000 and $1 !~ ''[^ -~]'' then'
        ' return array_to_tsvector(array_remove(string_to_array(lower(%s collate "C"), '' ''), ''''));'
        ' end if;'
        ' %s end $function$',
        folded,
        substring(body from 'return .*;')
    );
end
$migration$;

-- Search of alerts by the words of their titles. The pending list makes an insert cheap; at 512 kB its flush takes a
-- few milliseconds. Pages are opened by ingest too, so that their index gets one.
create index alert_search on alert using gin (search_vector(title)) with (gin_pending_list_limit = 512);
alter index page_search set (fastupdate = on, gin_pending_list_limit = 512);

-- Retention. A daily timer for each table replaces those of the slices.
delete from due where kind in ('alerts.prune', 'paging.prune', 'people.tidy');
insert into due (kind, key, due_at)
select 'kit.retention', table_name, now() + interval '1 day'
from unnest(array[
    'alert', 'alert_count', 'alert_group', 'audit', 'change_event', 'contact_code', 'contact_method', 'delivery',
    'event', 'handoff', 'mail_thread', 'notice', 'outbox', 'page', 'seen_event', 'used_link'
]) as growing (table_name);

-- When the page of a group ended decides whether its alerts may be deleted.
create or replace view group_page as
select subject_id as group_id, id as page_id, resolved_at
from page
where subject_kind = 'group';

-- Messages that are not about pages are deleted by their age; there are few, so that the index costs pages nothing.
create index delivery_old on delivery (created_at) where subject_kind <> 'page';
create index outbox_dead on outbox (id) where dead_at is not null;
