-- Quiet hours (spec 2.4): what can wait is held from `starts` to `ends` of the wall clock in `tz`.
create table quiet_hours (
    person_id bigint primary key references person on delete cascade,
    starts time not null,
    ends time not null,
    tz text not null,
    check (starts <> ends)
);

-- Held by quiet hours: `send_at` is when it may go, together with what else was held for the same method.
alter table delivery add column held boolean not null default false;
create index delivery_held on delivery (person_id) where held and state = 'queued';
