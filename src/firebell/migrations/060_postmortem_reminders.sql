-- Reminders of a post-mortem that is due, each sent once for a due time.

create table postmortem_reminder (
    postmortem_id bigint not null references postmortem on delete cascade,
    due_at timestamptz not null,
    mark text not null,
    sent_at timestamptz not null,
    primary key (postmortem_id, due_at, mark)
);

-- Those that are being written now are reminded of from now on.
insert into due (kind, key, due_at)
select 'postmortems.remind', id::text, now()
from postmortem
where state not in ('published', 'withdrawn')
on conflict do nothing;
