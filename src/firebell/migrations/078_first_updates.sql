-- A status page can have its first update about an incident published by Firebell. The texts are kept while the rule is
-- off; it is off while `enabled_at` is null.
create table first_update_rule (
    status_page_id bigint primary key references status_page,
    severities smallint[] not null check (severities <> '{}' and severities <@ array[0, 1, 2, 3]::smallint[]),
    minutes integer not null check (minutes between 4 and 240),
    headline text not null check (headline <> ''),
    body text not null check (body <> ''),
    enabled_at timestamptz
);

-- What the rule of a status page did about an incident: the warning, the reminder of its approvers, and the post.
create table first_update_progress (
    incident_id bigint not null references incident,
    status_page_id bigint not null references status_page,
    warned_at timestamptz,
    reminded_at timestamptz,
    post_id bigint references comms_post,
    primary key (incident_id, status_page_id)
);

-- A person said that they post the first update about an incident, so that no rule does.
create table first_update_claim (
    incident_id bigint primary key references incident,
    person_id bigint references person,
    label text not null,
    claimed_at timestamptz not null
);
