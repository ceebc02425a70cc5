-- The response to incidents by severity. An open incident keeps the version it was declared under; 0 is as shipped.
create table response_version (
    version int primary key check (version > 0),
    document jsonb not null,
    applied_at timestamptz not null,
    applied_by bigint references person,
    actor text not null
);

-- Changes that are not applied yet: one draft for the organization.
create table response_draft (
    id int primary key default 1 check (id = 1),
    document jsonb not null,
    updated_at timestamptz not null,
    updated_by bigint references person
);

-- The incidents whose response runs, each with its version.
create table response_incident (
    incident_id bigint primary key references incident on delete cascade,
    version int not null,
    provisional boolean not null,
    confirmed_at timestamptz,
    reopened_at timestamptz,
    customers_at timestamptz,
    customers_promised_until timestamptz
);

-- What was asked, answered and done, once for each step of an incident.
create table response_step (
    incident_id bigint not null references incident on delete cascade,
    key text not null,
    asked_at timestamptz,
    not_before timestamptz,
    acted_at timestamptz,
    actor text not null default '',
    reason text not null default '',
    primary key (incident_id, key)
);

-- The pages of a response, with those whom each was for.
create table response_page (
    incident_id bigint not null references incident on delete cascade,
    page_id bigint not null references page on delete cascade,
    who text not null,
    target text not null,
    person_ids bigint[] not null,
    primary key (incident_id, page_id)
);

-- Requests for expertise; an expert who joins answers them.
create table expertise_request (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    need text not null,
    requested_at timestamptz not null,
    requested_by bigint references person,
    answered_at timestamptz
);
create index expertise_request_incident on expertise_request (incident_id, id);
