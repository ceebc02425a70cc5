-- Subscribers of status pages, what is broadcast to them, and one delivery for each of both.
create table subscriber (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    channel text not null check (channel in ('email', 'webhook', 'slack', 'teams')),
    -- empty once the subscriber is erased
    address text not null,
    address_key text not null,
    host text not null,
    -- who is asked to confirm a webhook, and hears when it is stopped
    contact text not null default '',
    state text not null check (state in ('pending', 'active', 'quarantined', 'ended', 'erased')),
    follows_all boolean not null,
    component_ids bigint[] not null,
    group_ids bigint[] not null,
    kinds text[] not null,
    min_impact smallint not null check (min_impact between 0 and 4),
    -- links of an earlier generation do nothing
    link_generation int not null default 1,
    confirm_generation int not null default 0,
    confirm_until timestamptz,
    created_at timestamptz not null,
    confirmed_at timestamptz,
    ended_at timestamptz,
    erased_at timestamptz,
    failure text not null default '',
    failing_since timestamptz,
    consent_network text not null default '',
    consent_text text not null default '',
    secret bytea,
    previous_secret bytea,
    previous_until timestamptz,
    check ((state = 'erased') = (address = ''))
);
create unique index subscriber_address on subscriber (status_page_id, channel, address_key) where address <> '';
create index subscriber_active on subscriber (status_page_id, id) where state = 'active';
create index subscriber_pending on subscriber (confirm_until) where state = 'pending';
create index subscriber_over on subscriber (ended_at) where state in ('quarantined', 'ended', 'erased');

-- A request from the public form; every request does the same work, so that its answer tells nothing.
create table subscription_request (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    request jsonb not null,
    at timestamptz not null,
    due_at timestamptz not null
);
create index subscription_request_due on subscription_request (due_at, id);

-- When an address was last asked to confirm; the address itself is not kept.
create table subscription_mail (
    id bigint generated always as identity primary key,
    address_hash bytea not null,
    domain text not null,
    status_page_id bigint not null references status_page on delete cascade,
    purpose text not null check (purpose in ('confirm', 'already')),
    at timestamptz not null
);
create index subscription_mail_of_address on subscription_mail (address_hash, at);
create index subscription_mail_of_domain on subscription_mail (domain, at);
create index subscription_mail_of_page on subscription_mail (status_page_id, at);
create index subscription_mail_at on subscription_mail (at);

-- Addresses that are never written to again.
create table subscriber_suppression (
    address_hash bytea primary key,
    at timestamptz not null
);

create table status_broadcast (
    id bigint generated always as identity primary key,
    status_page_id bigint not null references status_page on delete cascade,
    kind text not null check (kind in ('incident', 'maintenance')),
    -- what it is about, such as the public id of an incident; a later one of the same subject supersedes it
    subject text not null,
    seq int not null,
    type text not null,
    priority smallint not null,
    impact smallint not null,
    component_ids bigint[] not null,
    group_ids bigint[] not null,
    content jsonb not null,
    reaches_email boolean not null,
    published_at timestamptz not null,
    cursor bigint not null default 0,
    queued int not null default 0,
    fanned_out_at timestamptz,
    finished int not null default 0,
    hard_bounces int not null default 0,
    paused_at timestamptz,
    pause_reason text not null default '',
    unique (status_page_id, subject, seq)
);
create index status_broadcast_open on status_broadcast (status_page_id, id) where fanned_out_at is null;
create index status_broadcast_at on status_broadcast (published_at);

-- Without foreign keys, which would take as long as all the rest when 50,000 are inserted: broadcasts are deleted
-- after their deliveries, and the deliveries of a deleted subscriber stay as numbers until they are old.
create table subscriber_delivery (
    id bigint generated always as identity primary key,
    subscriber_id bigint not null,
    broadcast_id bigint,
    purpose text not null check (
        purpose in ('broadcast', 'confirm', 'already', 'unsubscribed', 'stopped', 'challenge', 'test')
    ),
    lane text not null check (lane in ('mail', 'hook')),
    host text not null,
    priority smallint not null,
    -- the place within its broadcast, so that broadcasts of equal priority take turns
    turn int not null default 0,
    state text not null check (state in ('queued', 'claimed', 'sent', 'failed', 'void')),
    reason text not null default '',
    failure text not null default '' check (failure in ('', 'address', 'refused', 'temporary')),
    -- the earlier broadcasts of the same subject that this one says too
    carried bigint[] not null default '{}',
    attempts smallint not null default 0,
    lost_claims smallint not null default 0,
    next_at timestamptz not null,
    claimed_by text not null default '',
    lease_until timestamptz,
    created_at timestamptz not null,
    ended_at timestamptz,
    unique (broadcast_id, subscriber_id)
);
create index subscriber_delivery_queue on subscriber_delivery (lane, priority, turn, id) where state = 'queued';
create index subscriber_delivery_of_subscriber on subscriber_delivery (subscriber_id, state);
create index subscriber_delivery_lease on subscriber_delivery (lease_until) where state = 'claimed';

insert into due (kind, key, due_at)
values
    ('kit.retention', 'subscriber', now() + interval '1 day'),
    ('kit.retention', 'subscriber_delivery', now() + interval '1 day'),
    ('kit.retention', 'subscription_request', now() + interval '1 day'),
    ('kit.retention', 'subscription_mail', now() + interval '1 day'),
    ('kit.retention', 'status_broadcast', now() + interval '1 day');
