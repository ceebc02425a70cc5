-- The list of alerts by time: an alert begins at most a day before it is received, so that the ids of those that began
-- in an interval follow from two probes of this index.
create index alert_started on alert (starts_at, id);
