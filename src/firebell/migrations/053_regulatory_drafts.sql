-- Drafts of notifications to authorities and people. Each part follows the sent part before it.
create table regulatory_draft (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident on delete cascade,
    obligation text not null,
    part int not null check (part > 0),
    template text not null,
    template_version date not null,
    state text not null check (state in ('draft', 'reviewed', 'signed', 'sent')),
    version int not null,
    text text not null,
    created_at timestamptz not null,
    created_by bigint references person,
    creator text not null,
    changed_at timestamptz not null,
    changed_by bigint references person,
    reviewed_at timestamptz,
    reviewer text not null default '',
    signed_at timestamptz,
    signer text not null default '',
    sent_at timestamptz,
    sender text not null default '',
    channel text not null default '',
    receipt text not null default '',
    unique (incident_id, obligation, part),
    check ((state in ('reviewed', 'signed', 'sent')) = (reviewed_at is not null)),
    check ((state in ('signed', 'sent')) = (signed_at is not null)),
    check ((state = 'sent') = (sent_at is not null))
);

-- What people wrote into the fields of a draft. A field is corrected by a new answer: the latest one counts.
create table regulatory_draft_answer (
    id bigint generated always as identity primary key,
    draft_id bigint not null references regulatory_draft on delete cascade,
    field text not null,
    text text not null,
    at timestamptz not null,
    actor text not null,
    actor_id bigint references person
);
create index regulatory_draft_answer_draft on regulatory_draft_answer (draft_id, id);

-- The checks of an incident read the public incidents that overlap with it.
create index public_incident_resolved on public_incident (resolved_at);
