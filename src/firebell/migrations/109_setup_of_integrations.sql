-- The page that sets an integration up: who sees its whole key, the test that fires, and the last change it received.
alter table integration add column created_by bigint references person;

-- keys of test alerts begin with a control character, which no sender can write
create index alert_test on alert (integration_id) where status = 'firing' and starts_with(dedup_key, E'\x1ftest:');

create index change_event_of_integration on change_event (integration_id, id);
