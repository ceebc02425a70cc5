-- What could not be read, by integration; events that were understood cost nothing here.
create index event_broken on event (integration_id, id) where error is not null;

-- The daily clean-up of raw events and event ids schedules itself after its first run.
insert into due (kind, key, due_at) values ('alerts.prune', 'daily', now() + interval '1 day') on conflict do nothing;
