-- A page shows at most one open public incident about an incident. One that was resolved for too long to be reopened
-- stays, and goes on at the next one.
alter table public_incident drop constraint public_incident_status_page_id_incident_id_key;
create unique index public_incident_open_of_incident on public_incident (status_page_id, incident_id)
    where resolved_at is null;
create index public_incident_continued on public_incident (continued_by) where continued_by is not null;

-- The alerts that maintenance muted, for their list. Ingest adds them only while something is muted.
create table muted_alert (
    alert_id bigint primary key references alert on delete cascade,
    service_id bigint not null references service on delete cascade
);
create index muted_alert_of_service on muted_alert (service_id, alert_id);
insert into muted_alert (alert_id, service_id)
select alert.id, alert_group.service_id
from alert_group
join alert on alert.group_id = alert_group.id
where alert_group.mute_id is not null;

-- Mails about what can be recalled wait until then.
alter table status_broadcast add column held_until timestamptz;

-- An update about which subscribers are not notified.
alter table public_update add column is_quiet boolean not null default false;
alter table comms_post add column is_quiet boolean not null default false;

-- When the first mail about an update was queued for subscribers: customers without contacts hear of an incident by it.
alter table public_update add column mailed_at timestamptz;
update public_update
set mailed_at = status_broadcast.published_at
from public_incident
join status_broadcast on status_broadcast.subject = public_incident.public_id
    and status_broadcast.status_page_id = public_incident.status_page_id
where public_incident.id = public_update.public_incident_id
    and public_incident.incident_id is not null
    and status_broadcast.seq = public_update.seq
    and status_broadcast.reaches_email
    and status_broadcast.queued > 0;
