-- Somebody who learns: gets copies, is never a target, never coverage.
create table shadow (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    person_id bigint not null references person,
    of_id bigint references person,
    starts_at timestamptz not null,
    ends_at timestamptz check (ends_at > starts_at),
    created_at timestamptz not null
);
create index shadow_of_schedule on shadow (schedule_id);

create table vacation (
    id bigint generated always as identity primary key,
    person_id bigint not null references person,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    reason text not null default '',
    created_by bigint references person,
    created_at timestamptz not null,
    cancelled_at timestamptz
);
create index vacation_coming on vacation (ends_at) where cancelled_at is null;

create table cover (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    requester bigint not null references person,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    expires_at timestamptz not null,
    state text not null check (state in ('open', 'taken', 'withdrawn', 'expired')),
    -- who was asked; empty: everybody
    asked bigint[] not null default '{}',
    declined bigint[] not null default '{}',
    reason text not null default '',
    taken_by bigint references person,
    edit_id bigint references schedule_edit,
    vacation_id bigint references vacation,
    created_at timestamptz not null,
    decided_at timestamptz,
    check ((state = 'taken') = (taken_by is not null and edit_id is not null))
);
create index cover_open on cover (schedule_id, starts_at) where state = 'open';
create unique index cover_of_edit on cover (edit_id) where edit_id is not null;
create index cover_of_vacation on cover (vacation_id) where vacation_id is not null;

create table swap (
    id bigint generated always as identity primary key,
    schedule_id bigint not null references schedule on delete cascade,
    proposer bigint not null references person,
    other bigint not null references person check (other <> proposer),
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    their_starts_at timestamptz not null,
    their_ends_at timestamptz not null check (their_ends_at > their_starts_at),
    state text not null check (state in ('open', 'accepted', 'declined', 'withdrawn', 'expired')),
    reason text not null default '',
    edit_ids bigint[] not null default '{}',
    created_at timestamptz not null,
    decided_at timestamptz
);
create index swap_open on swap (schedule_id, starts_at) where state = 'open';

create index schedule_edit_ends on schedule_edit (ends_at) where removed_at is null;

-- What on-call knows of policies: which schedules answer one after another.
create view policy_chain as select id, name, levels from policy;
