-- The log of a status page is signed. A new key is announced by an entry of the log, which the former key signs; the
-- columns of that entry are null for the first key of a page. The private key is sealed, and erased once it is replaced.
create table status_page_signing_key (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    public_key bytea not null unique check (octet_length(public_key) = 32),
    private_key bytea,
    first_seq bigint not null check (first_seq > 0),
    created_at timestamptz not null,
    actor text not null,
    reason text not null default '',
    chain_seq bigint,
    prev_hash text,
    hash text,
    signature bytea,
    unique (status_page_id, first_seq),
    unique (status_page_id, chain_seq),
    check ((chain_seq is null) = (prev_hash is null) and (chain_seq is null) = (hash is null))
);
create unique index status_page_signing_key_present
    on status_page_signing_key (status_page_id) where private_key is not null;
comment on column status_page_signing_key.first_seq is 'The first entry of the log that this key signs.';

-- What was published before the page had a key has no signature of its own; later signatures cover its hashes.
alter table public_update_version add column signature bytea;
alter table public_update_translation add column signature bytea;

-- The history is read by month.
create index public_incident_by_time on public_incident (status_page_id, published_at);
create index maintenance_by_start on maintenance (status_page_id, scheduled_for) where ended_at is not null;
