-- How status pages are served: who may read a private one, its host name, its look, and its mirrors elsewhere.
alter table status_page drop constraint status_page_visibility_check;
alter table status_page add constraint status_page_visibility_check
    check (visibility in ('public', 'unlisted', 'private'));

-- Without a row, a private page admits no one.
create table status_page_access (
    status_page_id bigint primary key references status_page on delete cascade,
    password_hash text not null default '',
    networks text[] not null default '{}',
    networks_suffice boolean not null default false
);

create table status_feed_key (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    name text not null check (name <> ''),
    key_hash text not null unique,
    created_at timestamptz not null
);
create index status_feed_key_of_page on status_feed_key (status_page_id);

-- Anyone may claim a host; it is served once the claim is proven.
create table status_page_host (
    status_page_id bigint primary key references status_page on delete cascade,
    host text not null check (host = lower(host) and host <> ''),
    token text not null,
    claimed_at timestamptz not null,
    proven_at timestamptz
);
create unique index status_page_host_proven on status_page_host (host) where proven_at is not null;

create table status_page_theme (
    status_page_id bigint primary key references status_page on delete cascade,
    accent text not null default '' check (accent ~ '^(#[0-9a-f]{6})?$'),
    locale text not null default 'en',
    locales text[] not null default '{}',
    logo bytea,
    logo_type text not null default '' check (logo_type in ('', 'image/png', 'image/svg+xml'))
);

-- A bucket to which a page is pushed; `secret` is sealed.
create table status_page_mirror (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    url text not null,
    endpoint text not null,
    region text not null,
    bucket text not null,
    prefix text not null,
    access_key text not null,
    secret bytea not null,
    created_at timestamptz not null,
    next_at timestamptz not null,
    pushed_at timestamptz,
    failures int not null default 0,
    error text not null default ''
);
create index status_page_mirror_of_page on status_page_mirror (status_page_id);
