-- Channels of chats that do not send their events are read: `read_at` is when that was last begun, `read_until` the
-- last change that was read.
alter table chat_room
    add column read_at timestamptz,
    add column read_until timestamptz;

-- How many calls of a chat were made in each hour, and how they ended.
create table chat_calls (
    account_id bigint not null references chat_account on delete cascade,
    hour timestamptz not null,
    outcome text not null check (outcome in ('ok', 'limited', 'failed', 'unknown')),
    calls bigint not null,
    primary key (account_id, hour, outcome)
);
create index chat_calls_hour on chat_calls (hour);

insert into due (kind, key, due_at)
values ('kit.retention', 'chat_calls', now() + interval '1 day');
