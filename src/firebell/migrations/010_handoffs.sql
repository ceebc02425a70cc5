-- What somebody is told that is about no page. The key says once and for all that it was told.
create table notice (
    id bigint generated always as identity primary key,
    key text not null unique,
    person_id bigint not null references person,
    kind text not null check (kind ~ '^[a-z]+$'),
    urgency text not null check (urgency in ('high', 'low')),
    title text not null,
    note text not null,
    link text not null default '',
    created_at timestamptz not null
);

create table handoff (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    -- the local day of the handoff on the schedule's clock, which names the document
    day date not null,
    at timestamptz not null,
    shift_start timestamptz not null,
    body text not null,
    -- whether a person wrote in it: what nobody touched is drafted again when the shift ends
    edited boolean not null default false,
    version bigint not null default 1,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (schedule_id, day)
);
create index handoff_at on handoff (at);

create table handoff_ack (
    handoff_id bigint not null references handoff on delete cascade,
    person_id bigint not null references person,
    at timestamptz not null,
    primary key (handoff_id, person_id)
);

-- Up to which instant the shifts of a schedule were told.
create table shift_told (
    schedule_id bigint primary key references schedule on delete cascade,
    until timestamptz not null
);

insert into due (kind, key, due_at)
select 'handoffs.shift', id::text, now() from schedule on conflict do nothing;

create index delivery_arrived on delivery (sent_at) where state = 'accepted' and page_id is not null;
