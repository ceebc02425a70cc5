-- How far a message is by the word of its provider or a device, and what it costs (spec 10.6 and 10.7). A message that
-- was handed to two providers has two rows.
create table delivery_receipt (
    delivery_id bigint not null references delivery on delete cascade,
    provider_id text not null,
    channel text not null,
    provider text not null default '',
    state text not null check (state in ('accepted', 'sent', 'delivered', 'seen', 'answered', 'failed')),
    code text not null default '',
    parts integer not null default 1 check (parts > 0),
    price numeric(12, 5),
    currency text not null default '',
    country text not null default '',
    accepted_at timestamptz not null,
    changed_at timestamptz not null,
    primary key (delivery_id, provider_id)
);
create index delivery_receipt_cost on delivery_receipt (channel, accepted_at) include (parts);

-- The short number by which a person answers a page in a text message; it is not given to another page for a week.
create table reply_code (
    person_id bigint not null references person on delete cascade,
    code smallint not null check (code between 1 and 999),
    subject_kind text not null,
    subject_id bigint not null,
    given_at timestamptz not null,
    primary key (person_id, code),
    unique (person_id, subject_kind, subject_id)
);
create index reply_code_given on reply_code (given_at);

-- Presses and replies that were applied: providers post them again.
create table channel_signal (
    id text primary key,
    applied_at timestamptz not null
);
create index channel_signal_applied on channel_signal (applied_at);

-- who a reply is from
create index contact_method_address on contact_method (kind, address) where disabled_at is null;

insert into due (kind, key, due_at)
values ('kit.retention', 'reply_code', now() + interval '1 day'),
    ('kit.retention', 'channel_signal', now() + interval '1 day');
