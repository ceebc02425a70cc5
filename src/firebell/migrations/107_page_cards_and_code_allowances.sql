-- The version and title of a page when its card was last queued for comparison. `version` counts all reasons to compare,
-- and a title changes without a new version of the page, as when an alert begins to flap.
alter table chat_want
    add column page_version bigint not null default 0,
    add column page_title text not null default '';

-- A country, range of numbers or person to which codes and tests are sent beyond their hourly limit, until it expires.
create table code_allowance (
    id bigint generated always as identity primary key,
    scope text not null check (scope in ('country', 'range', 'person')),
    value text not null,
    created_at timestamptz not null,
    created_by text not null,
    expires_at timestamptz not null,
    unique (scope, value)
);
