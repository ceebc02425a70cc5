-- Socket Mode: one process holds the connections of an account, by a lease. `gap_at` is when Slack reached us again
-- after it could not: what the channels of incidents said before is read afterwards.
alter table chat_account
    add column socket_by text,
    add column socket_until timestamptz,
    add column socket_error text not null default '',
    add column gap_at timestamptz;

alter table chat_inbox drop constraint chat_inbox_kind_check;
alter table chat_inbox
    add constraint chat_inbox_kind_check check (kind in ('event', 'interaction', 'malformed', 'sweep'));

-- Installations of the Slack app that were begun; each ends with its first use, or ten minutes later.
create table chat_install (
    nonce text primary key,
    person_id bigint not null references person on delete cascade,
    secrets bytea not null,
    expires_at timestamptz not null
);
create index chat_install_expires on chat_install (expires_at);

insert into due (kind, key, due_at)
values ('kit.retention', 'chat_install', now() + interval '1 day');
