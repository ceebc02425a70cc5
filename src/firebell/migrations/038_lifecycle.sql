alter table incident
    add column type text not null default 'operational'
        check (type in ('operational', 'security', 'data_protection', 'vendor', 'performance')),
    add column visibility text not null default 'open' check (visibility in ('open', 'private')),
    add column backfilled boolean not null default false,
    add column merged_into bigint references incident,
    -- the newest alert when monitoring began: a later one of a linked key is a regression
    add column last_alert_id bigint;
create index incident_private on incident (id) where visibility = 'private';
create index incident_merged_into on incident (merged_into) where merged_into is not null;

-- Each move of an incident between phases; `effective_at` is when it happened, `at` when it was recorded.
-- `skipped` has the codes of the closing conditions and checks that were not met.
create table incident_transition (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    before text,
    after text not null,
    at timestamptz not null,
    effective_at timestamptz not null,
    actor text not null,
    actor_id bigint references person,
    reason text not null default '',
    skipped text[] not null default '{}'
);
create index incident_transition_incident on incident_transition (incident_id, id);
insert into incident_transition (incident_id, before, after, at, effective_at, actor, actor_id)
select incident_id, before, after, at, effective_at, actor, actor_id
from (
    select timeline_entry.id, incident_id, null before, 'declared' after, at, effective_at, actor, actor_id
    from timeline_entry
    where kind = 'declared'
    union all
    select timeline_entry.id, incident_id, data->>'from', data->>'to', at, effective_at, actor, actor_id
    from timeline_entry
    where kind = 'phase'
        and data ? 'to'
) entry
order by id;

-- The private incidents with the people who may read them besides managers: who declared it, who has a role,
-- who was paged for it.
create view private_incident as
select incident.id incident_id, array(
    select incident.declared_by
    where incident.declared_by is not null
    union
    select incident_role.person_id
    from incident_role
    where incident_role.incident_id = incident.id
        and incident_role.until_at is null
    union
    select page_owner.person_id
    from incident_page
    join page on page.id = incident_page.page_id
        and page.subject_kind = 'incident'
    join page_owner on page_owner.page_id = page.id
    where incident_page.incident_id = incident.id
    union
    select delivery.person_id
    from incident_page
    join page on page.id = incident_page.page_id
        and page.subject_kind = 'incident'
    join delivery on delivery.subject_kind = 'page'
        and delivery.subject_id = page.id
    where incident_page.incident_id = incident.id
) readers
from incident
where incident.visibility = 'private';

-- Someone who can see the graphs says that they are back to normal; it counts for the present stability period.
create table incident_baseline (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    note text not null,
    signed_at timestamptz not null,
    signed_by bigint references person,
    actor text not null
);
create index incident_baseline_incident on incident_baseline (incident_id, id);

-- What customers report; one that comes after the impact ended restarts the stability period.
create table customer_report (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    text text not null check (text <> ''),
    reported_at timestamptz not null,
    recorded_at timestamptz not null,
    recorded_by bigint references person,
    actor text not null,
    answered_at timestamptz,
    answered_by bigint references person
);
create index customer_report_incident on customer_report (incident_id, id);

-- How incidents belong together: `other_id` is a child of `incident_id`, or the two are linked, the lower id first.
create table incident_relation (
    incident_id bigint not null references incident on delete cascade,
    other_id bigint not null references incident on delete cascade,
    kind text not null check (kind in ('linked', 'child')),
    created_at timestamptz not null,
    created_by bigint references person,
    primary key (incident_id, other_id),
    check (incident_id <> other_id),
    check (kind = 'child' or incident_id < other_id)
);
create index incident_relation_other on incident_relation (other_id);
create unique index incident_relation_parent on incident_relation (other_id) where kind = 'child';

-- Rules that declare an incident from pages. A removed one stays for the incidents that it declared.
create table declaration_rule (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    service_id bigint references service on delete cascade,
    matchers text not null,
    pages int not null check (pages between 1 and 100),
    window_minutes int not null check (window_minutes between 1 and 1440),
    severity int not null check (severity between 0 and 3),
    is_on boolean not null,
    created_at timestamptz not null,
    created_by bigint references person,
    removed_at timestamptz
);
alter table incident add column declared_by_rule bigint references declaration_rule;
create index incident_declared_by_rule on incident (declared_by_rule) where declared_by_rule is not null;

-- The pages that counted for a rule: each counts once, so that one cause is declared once.
create table declaration_rule_page (
    rule_id bigint not null references declaration_rule on delete cascade,
    page_id bigint not null references page on delete cascade,
    incident_id bigint not null references incident on delete cascade,
    primary key (rule_id, page_id)
);
create index declaration_rule_page_page on declaration_rule_page (page_id);
create index declaration_rule_page_incident on declaration_rule_page (incident_id);

-- What an organization records about incidents besides; a removed field keeps its values.
create table incident_field (
    id bigint generated always as identity primary key,
    slug text not null check (slug <> ''),
    name text not null check (name <> ''),
    kind text not null check (kind in ('text', 'number', 'choice', 'date', 'person')),
    options text[] not null default '{}',
    required_for int[] not null default '{}',
    created_at timestamptz not null,
    removed_at timestamptz
);
create unique index incident_field_slug on incident_field (slug) where removed_at is null;

create table incident_field_value (
    incident_id bigint not null references incident on delete cascade,
    field_id bigint not null references incident_field on delete cascade,
    value text not null check (value <> ''),
    primary key (incident_id, field_id)
);
create index incident_field_value_value on incident_field_value (field_id, value, incident_id);
