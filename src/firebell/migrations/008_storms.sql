-- The group of a storm (spec 3.3) has no key: it takes in whatever would open a group of its own.
alter table alert_group alter column key drop not null;
create index alert_group_opened on alert_group (service_id, opened_at) where key is not null;
create index alert_group_storm on alert_group (service_id, opened_at) where key is null;
