-- Facts of five years: 50,000 incidents on 50 services, and twenty pages for each.

insert into team (name, slug, created_at)
select 'Team ' || i, 'metrics-team-' || i, now()
from generate_series(1, 10) i;

insert into service (name, slug, team_id, created_at)
select 'Service ' || i, 'metrics-service-' || i, (select min(id) from team) + i % 10, now()
from generate_series(1, 50) i;

with incident_at as (
    select i, now() - interval '5 years' * (i / 50000.0) as at
    from generate_series(1, 50000) i
)
insert into incident (title, summary, severity, max_severity, phase, detected_at, declared_at, severity_at)
select 'Incident ' || i, '', case when i % 50 = 0 then 0 when i % 10 = 0 then 1 else 2 + i % 2 end,
    case when i % 50 = 0 then 0 when i % 10 = 0 then 1 else 2 + i % 2 end, 'closed', at, at, at
from incident_at;

insert into incident_fact (
    id, type, severity_first, severity_max, impact_start, detected_at, declared_at, engaged_at, impact_end,
    resolved_at, closed_at, detect_s, engage_s, mitigate_s, resolve_s, reopens, people, person_minutes,
    factors, repeat_of, updates_due, updates_on_time, postmortem_required, postmortem_published_at
)
select id, 'operational', severity, severity, declared_at - interval '5 minutes', declared_at, declared_at,
    declared_at + interval '3 minutes', declared_at + make_interval(secs => 600 + id * 7919 % 9000),
    declared_at + make_interval(secs => 700 + id * 7919 % 9000),
    declared_at + make_interval(secs => 3000 + id * 7919 % 9000), 300, 180, 600 + id * 7919 % 9000,
    700 + id * 7919 % 9000, 0, 3, 200, '{}', case when id % 12 = 0 then id - 1 end, 3, id::int % 4, severity <= 1,
    declared_at + interval '40 hours'
from incident
where title like 'Incident %';

insert into incident_fact_service (incident_id, service_id)
select id, (select min(id) from service where slug like 'metrics-%') + id % 50
from incident_fact;

insert into page_fact (
    id, team_id, service_id, rule, urgency, severity, triggered_at, ack_s, censored_s, level, is_exhausted,
    is_noise, hour, night, woken
)
select i, (select min(id) from team where slug like 'metrics-%') + i % 10,
    (select min(id) from service where slug like 'metrics-%') + i % 50, 'Rule' || i % 300, 'high',
    case when i % 20 = 0 then 1 when i % 3 = 0 then 2 end, now() - interval '5 years' * ((1000001 - i) / 1000000.0),
    case when i % 25 > 0 then 20 + (i::bigint * 7919 % 1800)::int end, case when i % 25 = 0 then 600 end, i % 3, i % 25 = 0,
    i % 5 = 0, i % 168,
    case when i % 8 = 0 then (now() - interval '5 years' * ((1000001 - i) / 1000000.0))::date end,
    case when i % 8 = 0 then array[i % 200] else '{}' end
from generate_series(1, 1000000) i;

update metric_progress
set refreshed_at = now(),
    compared_at = now() + interval '30 days';
