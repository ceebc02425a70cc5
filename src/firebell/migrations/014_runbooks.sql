-- The organisation's own runbooks. A runbook that is shipped has a row only when its text was replaced, or when it
-- was taken out of the library: then `body` is null.
create table runbook (
    slug text primary key check (slug <> ''),
    body text check (body <> ''),
    source text not null default '',
    version bigint not null,
    updated_at timestamptz not null,
    updated_by text not null
);
