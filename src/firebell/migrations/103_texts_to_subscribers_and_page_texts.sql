-- Text messages to the subscribers of status pages.
alter table subscriber drop constraint subscriber_channel_check;
alter table subscriber add constraint subscriber_channel_check
    check (channel in ('email', 'webhook', 'slack', 'teams', 'sms')) not valid;
alter table subscriber_delivery drop constraint subscriber_delivery_lane_check;
alter table subscriber_delivery add constraint subscriber_delivery_lane_check
    check (lane in ('mail', 'hook', 'sms')) not valid;

-- how often the code of the current request was typed
alter table subscriber add column confirm_attempts smallint not null default 0;
-- what the provider charges for
alter table subscriber_delivery add column parts smallint not null default 0;

-- When the number that messages subscribers has sent what all processes gave it: it sends one part a second.
create table subscriber_sms_pace (
    id boolean primary key default true check (id),
    free_at timestamptz not null
);
insert into subscriber_sms_pace (free_at) values ('epoch');

-- a reply names only the number that it came from
create index subscriber_of_number on subscriber (address_key) where channel = 'sms' and address <> '';
create index subscriber_delivery_parts on subscriber_delivery (ended_at) where parts > 0;

-- The about text and the labels of footer links in the other languages of a page, by language.
alter table status_page add column translations jsonb not null default '{}';
