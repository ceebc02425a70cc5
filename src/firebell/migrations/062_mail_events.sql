-- What mail providers report about mails to subscribers, and the languages of subscribers.

-- empty for the language of the status page
alter table subscriber add column locale text not null default '';

-- what readers are told of the post-mortem is an update of its incident
alter table public_update
    drop constraint public_update_kind_check,
    add constraint public_update_kind_check check (kind in ('update', 'correction', 'regression', 'postmortem'));

-- when an incident is expected to be over, as an estimate
alter table public_update add column eta_at timestamptz;

-- who hears of everything goes on to hear of everything
update subscriber set kinds = kinds || array['postmortem'] where kinds @> array['incident', 'maintenance'];

-- publishing asks whether a webhook gets what is published
create index subscriber_webhooks on subscriber (status_page_id) where state = 'active' and channel = 'webhook';

alter table status_broadcast
    add column complaints int not null default 0,
    -- how many had it within 15 minutes; all that was sent before this counts as in time
    add column on_time int not null default 0,
    drop constraint status_broadcast_kind_check,
    add constraint status_broadcast_kind_check check (kind in ('incident', 'maintenance', 'postmortem'));

update status_broadcast set on_time = queued;

-- a report is stored once, whatever a provider repeats
create table mail_event (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    subscriber_id bigint not null,
    delivery_id bigint not null,
    kind text not null check (kind in ('bounced', 'refused', 'delayed', 'complained')),
    provider text not null,
    reason text not null,
    at timestamptz not null,
    unique (delivery_id, kind)
);

create index mail_event_of_page on mail_event (status_page_id, id);
create index mail_event_of_subscriber on mail_event (subscriber_id, id);
create index mail_event_at on mail_event (at);

insert into due (kind, key, due_at)
values ('kit.retention', 'mail_event', now() + interval '1 day');
