-- A connected workspace of a chat. `secrets` are sealed with a key of this installation.
create table chat_account (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('slack', 'mattermost', 'teams', 'discord', 'google_chat')),
    external_id text not null check (external_id <> ''),
    name text not null,
    mode text not null check (mode in ('http', 'socket', 'webhook')),
    address text not null default '',
    bot_user text not null default '',
    bot_id text not null default '',
    scopes text[] not null default '{}',
    secrets bytea not null,
    hint text not null default '',
    state text not null default 'ok' check (state in ('ok', 'degraded', 'broken')),
    reason text not null default '',
    paused_at timestamptz,
    lease_by text,
    lease_until timestamptz,
    last_ok_at timestamptz,
    last_frame_at timestamptz,
    settings jsonb not null default '{}',
    created_at timestamptz not null,
    created_by bigint references person,
    unique (kind, external_id)
);

-- The channel of an incident. A moved one was replaced by another of the same incident.
create table chat_room (
    id bigint generated always as identity primary key,
    account_id bigint not null references chat_account on delete cascade,
    incident_id bigint not null references incident on delete cascade,
    external_id text not null default '',
    name text not null default '',
    attempt int not null default 1,
    private boolean not null default false,
    owners jsonb not null default '{}',
    state text not null check (state in ('wanted', 'open', 'archived', 'lost', 'moved', 'thread')),
    left_by bigint[] not null default '{}',
    created_at timestamptz,
    renamed_at timestamptz,
    swept_at timestamptz
);
create unique index chat_room_incident on chat_room (account_id, incident_id) where state <> 'moved';
create index chat_room_channel on chat_room (account_id, external_id) where external_id <> '';
create index chat_room_of_incident on chat_room (incident_id);

-- Whatever is kept in a chat. An object that is `part_of` another is shown in the message of that one.
create table chat_object (
    account_id bigint not null references chat_account on delete cascade,
    object_key text not null,
    target text not null,
    channel text not null default '',
    ts text not null default '',
    part_of text,
    wanted_hash text not null default '',
    sent_hash text not null default '',
    sent_urgent text not null default '',
    sent_at timestamptz,
    state text not null check (state in ('none', 'sending', 'unknown', 'sent', 'dead')),
    nonce text not null default '',
    attempt_at timestamptz,
    attempts int not null default 0,
    retry_at timestamptz,
    error text not null default '',
    dead_at timestamptz,
    posts int not null default 0,
    primary key (account_id, object_key)
);
create index chat_object_target on chat_object (account_id, target);
create index chat_object_dead on chat_object (account_id, dead_at) where state = 'dead';
create index chat_object_message on chat_object (account_id, channel, ts) where ts <> '';

-- What must be compared with a chat again, at `due_at`; null: nothing is left to do.
create table chat_want (
    account_id bigint not null references chat_account on delete cascade,
    target text not null,
    rank int not null default 5,
    version bigint not null default 1,
    done_version bigint not null default 0,
    dirty_at timestamptz not null,
    due_at timestamptz,
    -- of a page: it was resolved when it was last compared
    is_over boolean not null default false,
    primary key (account_id, target)
);
create index chat_want_open_page on chat_want (account_id) where target like 'pg-%' and not is_over;
create index chat_want_due on chat_want (account_id, rank, due_at) where due_at is not null;

insert into due (kind, key, due_at)
select 'kit.retention', table_name, now() + interval '1 day'
from unnest(array['chat_object', 'chat_want']) as growing (table_name);
