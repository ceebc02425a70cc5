-- How many customers an incident affected, and what it cost the business besides people's time.
alter table incident_final_facts add column customers bigint check (customers between 0 and 10000000000);

alter table incident_fact add column customers bigint;

create table business_impact (
    incident_id bigint primary key references incident on delete cascade,
    amount numeric(16, 3) not null check (amount >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- where the amount comes from, as someone entered it
    source text not null,
    recorded_at timestamptz not null,
    recorded_by bigint references person,
    actor text not null
);
