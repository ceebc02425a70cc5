-- Review, publication, distribution and external version of post-mortems.

-- A review is asked for a version, and approved for one: any later text is a draft again. A withdrawal takes two people.
alter table postmortem
    add column asked_version bigint,
    add column approved_version bigint,
    add column withdrawal_by bigint references person,
    add column withdrawal_reason text not null default '',
    add column withdrawn_at timestamptz;

-- Why someone who wrote the document approved it; empty if an independent person did.
alter table postmortem_review
    add column override_reason text not null default '';

create table postmortem_reviewer (
    postmortem_id bigint not null references postmortem on delete cascade,
    person_id bigint not null references person on delete cascade,
    asked_at timestamptz not null,
    primary key (postmortem_id, person_id)
);
create index postmortem_reviewer_person on postmortem_reviewer (person_id);

-- A problem that someone accepts for the publication. Its key changes with the sentence that it is about.
create table postmortem_acknowledgment (
    postmortem_id bigint not null references postmortem on delete cascade,
    problem text not null,
    message text not null,
    reason text not null,
    by_id bigint references person,
    actor text not null,
    at timestamptz not null,
    primary key (postmortem_id, problem)
);

-- Who gets the published document: a list of the settings, a team, a person, or an email address. A document without
-- rows has the lists of its severity.
create table postmortem_distribution (
    postmortem_id bigint not null references postmortem on delete cascade,
    member text not null,
    position int not null,
    primary key (postmortem_id, member)
);

-- Mail to addresses of people without an account; those with one get it through their contact methods.
create table postmortem_mail (
    id bigint generated always as identity primary key,
    postmortem_id bigint not null references postmortem on delete cascade,
    version_n bigint not null,
    address text not null,
    state text not null check (state in ('queued', 'sent', 'failed', 'void')),
    send_at timestamptz not null,
    leased_until timestamptz,
    attempts int not null default 0,
    reason text not null default '',
    created_at timestamptz not null,
    sent_at timestamptz,
    unique (postmortem_id, version_n, address)
);
create index postmortem_mail_queued on postmortem_mail (send_at, id) where state = 'queued';
create index postmortem_mail_old on postmortem_mail (created_at);

-- The version for customers: whether there is one, its text, and which of its versions were approved and published.
create table postmortem_external (
    postmortem_id bigint primary key references postmortem on delete cascade,
    is_needed boolean not null,
    decision_reason text not null default '',
    decided_by bigint references person,
    decider text not null,
    decided_at timestamptz not null,
    version bigint not null default 0,
    asked_version bigint,
    approved_version bigint,
    approver text not null default '',
    published_version bigint,
    published_at timestamptz,
    publisher text not null default ''
);
create table postmortem_external_version (
    postmortem_id bigint not null references postmortem_external on delete cascade,
    n bigint not null check (n > 0),
    body text not null,
    by_id bigint references person,
    actor text not null,
    at timestamptz not null,
    primary key (postmortem_id, n)
);

insert into due (kind, key, due_at)
values ('kit.retention', 'postmortem_mail', now() + interval '1 day');

-- Where the post-mortem of an incident is published for customers, for its document.
create view incident_public_postmortem as
select
    public_incident.incident_id,
    status_page.slug as page_slug,
    status_page.name as page_name,
    public_incident.public_id,
    public_update.display_at as at
from public_update
join public_incident on public_incident.id = public_update.public_incident_id
join status_page on status_page.id = public_incident.status_page_id
where public_update.kind = 'postmortem'
    and public_incident.incident_id is not null;
