-- Trackers are also called as a GitHub App or through OAuth, and what did not change there is not read again.
alter table tracker
    add column auth text not null default 'token' check (auth in ('token', 'app', 'oauth')),
    add column client_id text not null default '',
    add column api_url text not null default '',
    add column authorized_at timestamptz,
    add column access_token bytea,
    add column access_until timestamptz,
    add column renewing_until timestamptz,
    add column sweep_etag text not null default '',
    add check ((access_token is null) = (access_until is null));
comment on column tracker.secret is 'The token, the private key of the app, or the secrets of OAuth as JSON.';
comment on column tracker.api_url is 'Where calls go, if not to the address of the installation.';
comment on column tracker.authorized_at is 'When a person let the app in through OAuth.';
comment on column tracker.renewing_until is 'One process gets a new access token until then.';
comment on column tracker.sweep_etag is 'The ETag of the empty answer about what changed since swept_until.';

alter table tracker_link add column etag text not null default '';
comment on column tracker_link.etag is 'The ETag of the issue when both sides were the same; empty if they are not.';

-- An authorization through OAuth that a person began; its first use deletes it.
create table tracker_authorization (
    nonce text primary key,
    tracker_id bigint not null references tracker on delete cascade,
    person_id bigint not null references person on delete cascade,
    expires_at timestamptz not null
);
create index tracker_authorization_expiry on tracker_authorization (expires_at);

insert into due (kind, key, due_at)
values ('kit.retention', 'tracker_authorization', now() + interval '1 day');
