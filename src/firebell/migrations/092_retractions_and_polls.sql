-- Messages that ask for what is done already: what they ask for is taken back (spec 10.4).
create table retraction (
    delivery_id bigint primary key references delivery on delete cascade,
    -- the plan of the subject that needs no one; a later one is shown as well
    epoch bigint not null,
    due_at timestamptz,
    tries smallint not null default 0
);
create index retraction_due on retraction (due_at) where due_at is not null;

-- How far each channel that fetches has read, and which process does it: only the holder of the latest claim.
create table channel_poll (
    channel text primary key,
    cursor text not null default '',
    claims bigint not null default 0,
    lease_until timestamptz not null
);
