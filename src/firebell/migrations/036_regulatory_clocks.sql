-- Facts of incidents on which regulatory clocks depend. A fact is corrected by a new record: the latest one counts.
create table regulatory_fact (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    fact text not null,
    answer text not null check (answer in ('yes', 'no', 'unknown')),
    effective_at timestamptz,
    reason text not null default '',
    recorded_at timestamptz not null,
    recorded_by bigint references person,
    actor text not null,
    check ((answer = 'yes') = (effective_at is not null))
);
create index regulatory_fact_incident on regulatory_fact (incident_id, id);

-- Which regimes apply to the organization. A regime without a row is as it is shipped.
create table regulatory_regime (
    regime text primary key,
    is_on boolean not null,
    authority text not null default '',
    tz text not null default '',
    responsible_id bigint references person,
    updated_at timestamptz not null
);

-- Customer contracts that require a notice of incidents. An ended one applies to no new incident.
create table regulatory_contract (
    id bigint generated always as identity primary key,
    customer text not null check (customer <> ''),
    clause text not null default '',
    amount int not null check (amount > 0),
    unit text not null check (unit in ('hours', 'days', 'business_days')),
    starts_on text not null check (starts_on in ('detected', 'declared', 'aware')),
    max_severity int not null check (max_severity between 0 and 3),
    tz text not null,
    created_at timestamptz not null,
    ended_at timestamptz
);

-- The reminders that were sent; a changed due time has reminders of its own.
create table regulatory_reminder (
    incident_id bigint not null references incident on delete cascade,
    obligation text not null,
    due_at timestamptz not null,
    mark text not null,
    sent_at timestamptz not null,
    primary key (incident_id, obligation, due_at, mark)
);
