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
