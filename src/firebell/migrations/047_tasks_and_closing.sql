-- The task that the response of an incident adds for the next business day; it ends with the incident.
alter table incident_task add column is_response boolean not null default false;
create unique index incident_task_of_response on incident_task (incident_id) where is_response;

-- The list of unfinished tasks is in the order in which they are due.
create index incident_task_due on incident_task (coalesce(due_at, timestamptz 'infinity'), id) where state <> 'done';

-- The filter of incidents by type: most are operational, and the others are rare.
create index incident_type on incident (type, id);

-- What is known about an incident in the end, besides its times.
create table incident_final_facts (
    incident_id bigint primary key references incident on delete cascade,
    affected text not null default '',
    cause text not null default '',
    cause_category text not null default '',
    recorded_at timestamptz not null,
    recorded_by bigint references person,
    actor text not null
);

-- Who wants to know when an incident can be closed; the row ends when it is closed.
create table closing_watch (
    incident_id bigint not null references incident on delete cascade,
    person_id bigint not null references person on delete cascade,
    since timestamptz not null,
    notified_at timestamptz,
    primary key (incident_id, person_id)
);
