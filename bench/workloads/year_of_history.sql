-- A year of a busy organization: 1,000,000 alerts, 100,000 pages, 50,000 incidents, 10,000 post-mortems.
-- The scale is a setting, so that a test can load less of it. Foreign keys hold by construction and are not checked.
set session_replication_role = replica;

create temporary table scale as
select current_setting('bench.alerts')::int as alerts;

insert into person (name, email, role, tz, created_at)
select 'Member ' || i, 'member' || i || '@example.org', 'responder', 'Europe/Stockholm', now()
from generate_series(1, 200) i;

insert into team (name, slug, created_at)
select 'Team ' || i, 'team-' || i, now()
from generate_series(1, 20) i;

insert into team_member (team_id, person_id, role)
select team.id, person.id, 'member'
from person
join team on team.slug = 'team-' || (person.id % 20 + 1)
where person.email like 'member%';

insert into service (name, slug, team_id, created_at)
select 'Service ' || i, 'service-' || i, (select id from team where slug = 'team-' || i), now()
from generate_series(1, 20) i;

insert into integration (service_id, name, key, created_at)
select id, 'Alertmanager', md5(slug), now()
from service
where slug like 'service-%';

create temporary table target as
select row_number() over (order by service.id) - 1 as number, service.id as service_id, service.team_id,
    integration.id as integration_id
from service
join integration on integration.service_id = service.id
where service.slug like 'service-%';

insert into alert_group (integration_id, service_id, key, title, urgency, opened_at, closed_at, last_at, alerts, firing,
    events)
select integration_id, service_id, 'group-' || i, 'Checkout ' || i || ' answers slowly',
    case when i % 10 = 0 then 'low' else 'high' end,
    now() - (alerts / 10 - i) * interval '1 year' / (alerts / 10),
    case when i % 1000 = 0 then null else now() - (alerts / 10 - i) * interval '1 year' / (alerts / 10) end,
    now() - (alerts / 10 - i) * interval '1 year' / (alerts / 10), 10, case when i % 1000 = 0 then 1 else 0 end, 10
from scale, generate_series(1, alerts / 10) i
join target on target.number = i % 20;

insert into alert (integration_id, dedup_key, group_id, status, title, severity, labels, starts_at, ends_at, last_seen,
    hi_at, hi_seen, hi_rank, count)
select alert_group.integration_id, alert_group.id || '-' || j, alert_group.id,
    case when alert_group.firing = 1 and j = 1 then 'firing' else 'resolved' end,
    alert_group.title || ' on host-' || j, 'critical',
    jsonb_build_object('alertname', 'Slow', 'instance', 'host-' || j, 'region', 'eu-north-1'),
    opened_at, case when alert_group.firing = 1 and j = 1 then null else opened_at + interval '5 minutes' end,
    opened_at, opened_at, opened_at, 1, 1
from alert_group, generate_series(1, 10) j
order by alert_group.id;

insert into alert_count (quarter, service_id, alerts)
select date_bin('15 minutes', alert.starts_at, 'epoch'), target.service_id, count(*)
from alert
join target on target.integration_id = alert.integration_id
group by 1, 2;

insert into event (integration_id, received_at, source, body, alerts)
select integration_id, now() - (alerts - i) * interval '30 days' / alerts, 'alertmanager',
    convert_to(repeat('{"alertname": "Slow"} ', 20), 'UTF8'), 1
from scale, generate_series(1, alerts) i
join target on target.number = i % 20;

insert into seen_event (id, at)
select decode(md5('event-' || i), 'hex'), now() - (alerts - i) * interval '7 days' / alerts
from scale, generate_series(1, alerts) i;

insert into page (subject_kind, subject_id, service_id, team_id, plan, title, urgency, severity, state, level,
    triggered_at, first_ack_at, acked_at, resolved_at)
select 'group', alert_group.id, alert_group.service_id, service.team_id, '{"levels": [], "repeat": 2}',
    alert_group.title, alert_group.urgency, 2,
    case when closed_at is not null then 'resolved' when alert_group.id % 3 = 0 then 'acked' else 'triggered' end, 0,
    opened_at, opened_at + interval '1 minute', opened_at + interval '1 minute', closed_at
from alert_group
join service on service.id = alert_group.service_id
where alert_group.key like 'group-%'
order by alert_group.id;

insert into page_log (page_id, at, kind, actor, text)
select page.id, triggered_at + j * interval '20 seconds', 'note', 'Firebell', 'Notified level ' || j
from page, generate_series(1, 4) j
where page.subject_kind = 'group'
order by page.id;

insert into page_owner (page_id, person_id, at)
select page.id, person.id, first_ack_at
from page
join person on person.email = 'member' || (page.id % 200 + 1) || '@example.org'
where page.state <> 'triggered';

insert into delivery (subject_kind, subject_id, epoch, level, round, person_id, method_id, rule_index, rank, reason, channel, address,
    idempotency_key, state, send_at, created_at, sent_at)
select 'page', page.id, 1, 0, 0, person.id, 1, 0, 1, 'page', 'email', person.email, 'grown-' || page.id || '-' || j,
    'accepted', triggered_at, triggered_at, triggered_at
from page
join person on person.email = 'person' || (page.id % 20) || '@example.org', generate_series(1, 2) j
order by page.id;

insert into incident (title, severity, max_severity, phase, detected_at, declared_at, mitigated_at, resolved_at,
    closed_at, severity_at, summary)
select 'Checkout ' || i || ' fails for some customers', i % 4, i % 4,
    case when i % 5000 = 0 then 'investigating' else 'closed' end,
    at, at, at + interval '20 minutes', at + interval '40 minutes',
    case when i % 5000 = 0 then null else at + interval '2 hours' end, at, 'A summary of what customers saw.'
from scale, generate_series(1, alerts / 20) i, lateral (
    select now() - (alerts / 20 - i) * interval '1 year' / (alerts / 20) as at
) declared;

insert into incident_service (incident_id, service_id)
select incident.id, target.service_id
from incident
join target on target.number = incident.id % 20;

insert into incident_role (incident_id, role, person_id, from_at)
select incident.id, held.role, person.id, declared_at
from incident
join person on person.email = 'member' || (incident.id % 200 + 1) || '@example.org',
    unnest(array['commander', 'comms', 'scribe']) held (role);

insert into incident_page (incident_id, page_id)
select incident.id, page.id
from incident
join page on page.id = incident.id * 2;

insert into timeline_entry (incident_id, at, effective_at, kind, actor, text)
select incident.id, declared_at + j * interval '3 minutes', declared_at + j * interval '3 minutes', 'note', 'Member ' || j,
    'We looked at the error rate and it is falling.'
from incident, generate_series(1, 10) j
order by incident.id;

insert into postmortem (
    incident_id, body, state, due_at, created_at, updated_at, published_at, first_published_at
)
select id, repeat('What happened, why, and what we learned from it. ', 40),
    case when id % 50 = 0 then 'draft' else 'published' end, declared_at + interval '7 days', declared_at, declared_at,
    case when id % 50 = 0 then null else declared_at + interval '6 days' end,
    case when id % 50 = 0 then null else declared_at + interval '6 days' end
from incident
where id % 5 = 0;

insert into audit (at, actor_kind, actor_label, action, subject)
select now() - (alerts / 5 - i) * interval '1 year' / (alerts / 5), 'person', 'Member 1', 'page.acked', 'page-' || i
from scale, generate_series(1, alerts / 5) i;

drop table scale, target;
reset session_replication_role;
