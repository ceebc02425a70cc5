-- When a message was due at first, if a retry has set a later time: how late it was is counted from then.
alter table delivery add column first_send_at timestamptz;

-- The urgent pages that metrics count: the workload compares their noise with the limit of fatigue.
create view counted_page as
select id, team_id, service_id, triggered_at, is_noise
from page_fact
where urgency = 'high'
    and excluded is null;
