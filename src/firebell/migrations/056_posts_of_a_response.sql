-- Steps of the escalation matrix that post to channels of chats.

-- the chat sends each of these once, and keeps it up to date
create table response_post (
    id bigint generated always as identity primary key,
    incident_id bigint not null references response_incident (incident_id) on delete cascade,
    account_id bigint not null,
    channel text not null,
    reason text not null,
    requested_at timestamptz not null
);

create index response_post_incident on response_post (incident_id, account_id);

-- the channels that announcement rules name: what a response can post to
create view chat_channel as
select
    chat_account.id as account_id,
    chat_account.kind,
    rule ->> 'channel' as channel,
    coalesce(nullif(min(rule ->> 'label'), ''), rule ->> 'channel') as label
from chat_account
cross join lateral jsonb_array_elements(coalesce(chat_account.settings -> 'rules', '[]'::jsonb)) as rule
group by chat_account.id, chat_account.kind, rule ->> 'channel';

-- until when mentions of a bot and direct messages to it were read, where the chat does not send them
alter table chat_account
    add column mentions_read_at timestamptz,
    add column mentions_read_until timestamptz;
