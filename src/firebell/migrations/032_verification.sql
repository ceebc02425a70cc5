-- A contact method is verified by a code that its owner enters; that a provider accepted a message proves nothing.
-- new: verified_at is null. disabled: unusable_since is set. suspect: suspect_since is set. Else: verified.
alter table contact_method
    -- the address is gone, or failed twice within 30 days: the method is shown, but no longer paged
    add column unusable_since timestamptz,
    -- added before codes existed: it is paged without being verified, so that an upgrade stops no page
    add column exempt boolean not null default false,
    -- the method with the earlier address, which is used until this one is verified
    add column replaces bigint references contact_method on delete set null,
    -- the outcome of the last test or code
    add column test_at timestamptz,
    add column test_result text check (test_result in ('sent', 'accepted', 'failed'));
update contact_method
set exempt = true
where verified_at is null;
-- only a verified method is suspect; the failures of the others stay visible in suspect_since

-- One request for a code. Its codes are made when its message is composed, and stored only as HMACs: each attempt
-- to send has a code of its own, because an earlier one may have arrived unnoticed.
create table contact_code (
    id bigint generated always as identity primary key,
    method_id bigint not null references contact_method on delete cascade,
    requested_at timestamptz not null,
    digests bytea[] not null default '{}',
    tries int not null default 0,
    used_at timestamptz
);
create index contact_code_method on contact_code (method_id, id);
create index contact_code_requested on contact_code (requested_at);

insert into due (kind, key, due_at)
values
    ('people.tidy', 'daily', now() + interval '1 day'),
    ('paging.prune', 'daily', now() + interval '1 day')
on conflict do nothing;
create index used_link_used_at on used_link (used_at);
