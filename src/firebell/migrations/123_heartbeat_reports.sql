-- When what fires of a heartbeat was last reported to its alerts: it is reported again after each further period,
-- for those that are down already from now on, so that an upgrade pages no one by itself.
alter table heartbeat add column reported_at timestamptz;
update heartbeat
set reported_at = now()
where state = 'down'
    or is_stuck;

-- One that was down had no timer: without a ping it would never be looked at again.
insert into due (kind, key, due_at)
select 'heartbeats.check', id::text, now()
from heartbeat
where (state = 'down' or is_stuck)
    and paused_until is null
on conflict do nothing;
