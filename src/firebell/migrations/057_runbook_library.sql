-- Where runbooks come from: a Git repository, a mounted directory, or pushes by CI. One process reads a source at a
-- time; a commit that would archive more than half of the runbooks waits in `pending` for a person.
create table runbook_source (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('git', 'directory', 'push')),
    name text not null check (name <> ''),
    url text not null default '',
    ref text not null default '',
    paths text[] not null,
    secret bytea,
    hook_secret bytea,
    poll_s integer not null check (poll_s >= 15),
    created_at timestamptz not null,
    last_commit text not null default '',
    last_author text not null default '',
    last_tried_at timestamptz,
    last_ok_at timestamptz,
    last_error text not null default '',
    files integer not null default 0,
    findings jsonb not null default '[]',
    pending jsonb,
    decided_commit text not null default '',
    archive_allowed boolean not null default false,
    next_sync_at timestamptz not null,
    lease_holder text,
    lease_until timestamptz
);
create unique index runbook_source_named on runbook_source (name);
create index runbook_source_due on runbook_source (next_sync_at) where kind <> 'push';

-- `triggers`, `services`, `title` and `errors` follow from the text; matching an alert reads only them.
alter table runbook
    add column source_id bigint references runbook_source,
    add column path text not null default '',
    add column commit text not null default '',
    add column archived_at timestamptz,
    add column title text not null default '',
    add column triggers text[] not null default '{}',
    add column services text[] not null default '{}',
    add column errors integer not null default 0;
create index runbook_of_source on runbook (source_id) where source_id is not null;

create table runbook_version (
    slug text not null,
    number bigint not null,
    sha256 text not null,
    body text not null check (body <> ''),
    source_id bigint,
    commit text not null default '',
    path text not null default '',
    committed_at timestamptz not null,
    author text not null,
    primary key (slug, number)
);
insert into runbook_version (slug, number, sha256, body, path, committed_at, author)
select slug, version, encode(sha256(convert_to(body, 'UTF8')), 'hex'), body, source, updated_at, updated_by
from runbook
where body is not null;
