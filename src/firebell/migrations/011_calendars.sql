-- When `version` rose last: a calendar feed says it instead of the present instant, so that it stays the same.
alter table schedule add column changed_at timestamptz;
update schedule set changed_at = created_at;
alter table schedule alter column changed_at set not null;

-- A calendar at an address that needs no session; whoever knows the token may read, until it is revoked.
create table calendar_feed (
    id bigint generated always as identity primary key,
    token_hash bytea not null unique,
    kind text not null check (kind in ('schedule', 'person', 'team')),
    subject_id bigint not null,
    created_by bigint not null references person on delete cascade,
    created_at timestamptz not null,
    last_used_at timestamptz,
    revoked_at timestamptz
);
create index calendar_feed_of_person on calendar_feed (created_by, id) where revoked_at is null;

create table calendar_import (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    use text not null check (use in ('layer', 'override', 'busy', 'names')),
    source text not null check (source in ('url', 'text', 'holidays')),
    schedule_id bigint references schedule on delete cascade,
    person_id bigint references person on delete cascade,
    url text not null default '',
    country text not null default '',
    subdivision text not null default '',
    users bigint[] not null default '{}',
    -- the last good copy, which is expanded again as the days go on
    body bytea,
    etag text not null default '',
    modified text not null default '',
    -- the day and the people that the shifts were made for
    made_for text not null default '',
    next_at timestamptz not null,
    good_at timestamptz,
    failing_since timestamptz,
    error text not null default '',
    notes jsonb not null default '[]',
    unmatched jsonb not null default '[]',
    created_by bigint references person,
    created_at timestamptz not null,
    removed_at timestamptz,
    check ((use = 'busy') = (schedule_id is null)),
    check ((use = 'busy') = (person_id is not null))
);
create index calendar_import_next on calendar_import (next_at, id) where removed_at is null;

-- What an import says; what is over stays as it was, also when the calendar changes or is taken away.
create table calendar_shift (
    id bigint generated always as identity primary key,
    import_id bigint not null references calendar_import on delete cascade,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    users bigint[] not null default '{}',
    title text not null default ''
);
create index calendar_shift_of_import on calendar_shift (import_id, ends_at);
