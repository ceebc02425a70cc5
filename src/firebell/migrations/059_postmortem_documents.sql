-- Post-mortems become documents: edited by section, with versions, comments, reviews and more than one incident.

alter table postmortem
    drop constraint postmortem_state_check,
    add constraint postmortem_state_check
        check (state in ('draft', 'review', 'approved', 'published', 'withdrawn')),
    add column kind text not null default 'incident' check (kind in ('incident', 'near_miss', 'several', 'drill')),
    add column published_version bigint,
    alter column incident_id drop not null,
    add check (incident_id is not null or kind in ('near_miss', 'several'));

-- What a post-mortem is about. The main incident gives it its reference.
create table postmortem_incident (
    postmortem_id bigint not null references postmortem on delete cascade,
    incident_id bigint not null references incident on delete cascade,
    is_main boolean not null,
    primary key (postmortem_id, incident_id)
);
create unique index postmortem_incident_main on postmortem_incident (postmortem_id) where is_main;
create index postmortem_incident_incident on postmortem_incident (incident_id);

insert into postmortem_incident (postmortem_id, incident_id, is_main)
select id, incident_id, true
from postmortem;

-- Whole texts. A superseded version was continued by its author within minutes: the history leaves it out, and it stays
-- for a while as the base of merges.
create table postmortem_version (
    postmortem_id bigint not null references postmortem on delete cascade,
    n bigint not null check (n > 0),
    body text not null,
    reason text not null check (reason in ('draft', 'save', 'merge', 'restore', 'publish')),
    section text not null default '',
    base_n bigint,
    by_id bigint references person,
    actor text not null,
    at timestamptz not null,
    superseded boolean not null default false,
    primary key (postmortem_id, n)
);
create index postmortem_version_superseded on postmortem_version (at) where superseded;
create index postmortem_version_shown on postmortem_version (postmortem_id, n desc) where not superseded;

insert into postmortem_version (postmortem_id, n, body, reason, by_id, actor, at)
select
    postmortem.id,
    postmortem.version,
    postmortem.body,
    'save',
    postmortem.author_id,
    coalesce(person.name, 'Firebell'),
    postmortem.updated_at
from postmortem
left join person on person.id = postmortem.author_id;

update postmortem
set published_version = version
where state = 'published';

-- Remarks on a sentence, or on a whole section if the quote is empty. A reply has a parent.
create table postmortem_comment (
    id bigint generated always as identity primary key,
    postmortem_id bigint not null references postmortem on delete cascade,
    version_n bigint not null,
    section text not null,
    quote text not null check (length(quote) <= 200),
    at_line int not null check (at_line >= 0),
    body text not null,
    blocking boolean not null default false,
    waives text not null default '',
    parent_id bigint references postmortem_comment on delete cascade,
    by_id bigint references person,
    actor text not null,
    at timestamptz not null,
    resolved_at timestamptz,
    resolved_by bigint references person,
    resolver text not null default '',
    check (parent_id is null or not blocking)
);
create index postmortem_comment_document on postmortem_comment (postmortem_id, id);
create index postmortem_comment_parent on postmortem_comment (parent_id) where parent_id is not null;

-- Verdicts. Each is about one version.
create table postmortem_review (
    id bigint generated always as identity primary key,
    postmortem_id bigint not null references postmortem on delete cascade,
    version_n bigint not null,
    verdict text not null check (verdict in ('approve', 'changes')),
    note text not null,
    by_id bigint not null references person,
    actor text not null,
    at timestamptz not null
);
create index postmortem_review_document on postmortem_review (postmortem_id, id);

-- Who writes where, for a minute.
create table postmortem_presence (
    postmortem_id bigint not null references postmortem on delete cascade,
    person_id bigint not null references person on delete cascade,
    section text not null,
    at timestamptz not null,
    primary key (postmortem_id, person_id)
);
create index postmortem_presence_at on postmortem_presence (at);

insert into due (kind, key, due_at)
values
    ('kit.retention', 'postmortem_presence', now() + interval '1 day'),
    ('kit.retention', 'postmortem_version', now() + interval '1 day');

-- What was posted on status pages about an incident, for its document.
create view incident_status_post as
select
    public_update.id,
    public_incident.incident_id,
    public_update.display_at as at,
    public_update.stage,
    status_page.name as page_name
from public_update
join public_incident on public_incident.id = public_update.public_incident_id
join status_page on status_page.id = public_incident.status_page_id
where public_incident.incident_id is not null;
