-- The task that the response of an incident adds for the next business day; it ends with the incident.
alter table incident_task add column is_response boolean not null default false;
create unique index incident_task_of_response on incident_task (incident_id) where is_response;

-- The list of unfinished tasks is in the order in which they are due.
create index incident_task_due on incident_task (coalesce(due_at, timestamptz 'infinity'), id) where state <> 'done';
