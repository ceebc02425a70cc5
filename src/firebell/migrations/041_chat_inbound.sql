-- Users of a chat and the people they are. A user is one person; a person has at most one user in an account.
create table chat_user (
    account_id bigint not null,
    external_id text not null check (external_id <> ''),
    person_id bigint references person on delete cascade,
    how text not null check (how in ('email', 'explicit', 'admin', 'none')),
    name text not null default '',
    email text not null default '',
    guest boolean not null default false,
    checked_at timestamptz not null,
    primary key (account_id, external_id),
    -- an admin may also decide that a user is no one
    check (person_id is null or how <> 'none')
);
create unique index chat_user_person on chat_user (account_id, person_id) where person_id is not null;
create index chat_user_of_person on chat_user (person_id) where person_id is not null;

-- What arrived and was done, with its answer: the same key again gets the answer and does nothing.
create table chat_seen (
    account_id bigint not null,
    key text not null,
    at timestamptz not null,
    answer jsonb,
    primary key (account_id, key)
);
create index chat_seen_at on chat_seen (at);

-- Events, and interactions that could not be answered in time; a worker does them in order, by channel.
create table chat_inbox (
    id bigint generated always as identity primary key,
    account_id bigint not null,
    key text not null,
    kind text not null check (kind in ('event', 'interaction', 'malformed')),
    channel text not null,
    ordered_by text not null,
    body jsonb not null,
    received_at timestamptz not null,
    due_at timestamptz not null,
    attempts int not null default 0,
    done_at timestamptz,
    error text,
    unique (account_id, key)
);
create index chat_inbox_waiting on chat_inbox (account_id, channel, ordered_by, id) where done_at is null;
create index chat_inbox_done on chat_inbox (done_at) where done_at is not null;

-- Messages that became timeline entries, each once.
create table chat_capture (
    account_id bigint not null,
    channel text not null,
    ts text not null,
    incident_id bigint not null references incident on delete cascade,
    entry_id bigint not null references timeline_entry on delete cascade,
    kind text not null,
    captured_by text not null,
    captured_at timestamptz not null,
    text text not null,
    edited_at timestamptz,
    deleted_at timestamptz,
    primary key (account_id, channel, ts)
);
create index chat_capture_incident on chat_capture (incident_id);
create index chat_capture_entry on chat_capture (entry_id);

insert into due (kind, key, due_at)
select 'kit.retention', table_name, now() + interval '1 day'
from unnest(array['chat_seen', 'chat_inbox']) as growing (table_name);
