-- Which service depends on which. A dependency pages and mutes no one; cycles are allowed (decision 0098).
create table service_dependency (
    service_id bigint not null references service on delete cascade,
    depends_on_id bigint not null references service on delete cascade,
    created_at timestamptz not null,
    primary key (service_id, depends_on_id),
    check (service_id <> depends_on_id)
);
create index service_dependency_of on service_dependency (depends_on_id);

-- The list of services, by name, that of a team, and the integrations of each.
create index service_by_name on service (name, id);
create index service_of_team on service (team_id);
create index integration_of_service on integration (service_id, id);
