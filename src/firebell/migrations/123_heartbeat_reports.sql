-- When what fires of a heartbeat was last reported to its alerts: it is reported again after each further period,
-- for those that are down already, no sooner than a period or 15 minutes after the upgrade.
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

-- A source that is silent is reported again each hour, the first time an hour after the upgrade.
update expiring_source
set reported_at = now()
where reported_at is not null;
