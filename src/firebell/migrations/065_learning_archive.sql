-- Learning from the past: the archive of post-mortems, similar incidents, meetings, near misses, and documents about
-- several incidents.

-- The index of the words of all texts keeps its purpose; its name becomes that of the archive's table.
alter index postmortem_search rename to postmortem_body_search;

-- What the archive searches. The letters of the lexemes are their weights: A the title, B the summary and the root
-- cause, C factors and action items, D the rest.
create table postmortem_search (
    postmortem_id bigint primary key references postmortem on delete cascade,
    version bigint not null,
    title text not null,
    language text not null check (language in ('english', 'simple')),
    factors text[] not null,
    words tsvector not null
);
create index postmortem_search_words on postmortem_search using gin (words) with (fastupdate = off);
create index postmortem_search_factors on postmortem_search using gin (factors) with (fastupdate = off);

drop index postmortem_listed;
create index postmortem_by_state on postmortem (state, due_at, id);
create index postmortem_by_publication on postmortem (published_at desc, id desc) include (kind, due_at)
where state = 'published';

-- An incident has one document, its own or one about several incidents.
drop index postmortem_incident_incident;
create unique index postmortem_incident_incident on postmortem_incident (incident_id);
create or replace view incident_postmortem as
select incident_id, state, due_at
from postmortem
where incident_id is not null
union all
select postmortem_incident.incident_id, postmortem.state, postmortem.due_at
from postmortem_incident
join postmortem on postmortem.id = postmortem_incident.postmortem_id
where not postmortem_incident.is_main;

-- What an incident is compared by. Only those that are closed, and are no drills, are compared with others.
create table incident_profile (
    incident_id bigint primary key references incident on delete cascade,
    terms text[] not null,
    service_ids bigint[] not null,
    rules text[] not null,
    factors text[] not null,
    is_compared boolean not null
);
create index incident_profile_services on incident_profile using gin (service_ids) where is_compared;
create index incident_profile_rules on incident_profile using gin (rules) where is_compared;
create index incident_profile_compared on incident_profile (incident_id) where is_compared;

-- The heaviest terms of each profile, normalized.
create table document_term (
    incident_id bigint not null references incident_profile on delete cascade,
    term text not null,
    weight real not null check (weight > 0),
    primary key (incident_id, term)
);
create index document_term_term on document_term (term) include (incident_id, weight);

-- In how many profiles a term occurs, as of last night.
create table term_frequency (
    term text primary key,
    documents int not null check (documents > 0)
);

-- Meetings about a document. The part and its start are kept here; each browser counts down by itself.
create table postmortem_meeting (
    id bigint generated always as identity primary key,
    postmortem_id bigint not null references postmortem on delete cascade,
    minutes int not null check (minutes between 0 and 600),
    facilitator_id bigint references person,
    scribe_id bigint references person,
    started_at timestamptz not null,
    part int not null default 0 check (part >= 0),
    part_started_at timestamptz not null,
    part_extra_s int not null default 0 check (part_extra_s between 0 and 36000),
    part_paused_s int not null default 0 check (part_paused_s >= 0),
    paused_s int not null default 0 check (paused_s >= 0),
    paused_at timestamptz,
    row_at int not null default 0 check (row_at >= 0),
    ended_at timestamptz,
    not_held_reason text not null default '',
    recorded_by text not null
);
create index postmortem_meeting_document on postmortem_meeting (postmortem_id, id);
create unique index postmortem_meeting_running on postmortem_meeting (postmortem_id) where ended_at is null;

create table meeting_attendee (
    meeting_id bigint not null references postmortem_meeting on delete cascade,
    person_id bigint not null references person,
    joined_at timestamptz not null,
    primary key (meeting_id, person_id)
);

-- Questions that are left for later.
create table parked_question (
    id bigint generated always as identity primary key,
    meeting_id bigint not null references postmortem_meeting on delete cascade,
    text text not null,
    by_id bigint references person,
    actor text not null,
    at timestamptz not null
);
create index parked_question_meeting on parked_question (meeting_id, id);

-- Near misses: what could have happened, and what held. Their text is a post-mortem of the kind `near_miss`. One that
-- was reported without a name stores none.
create table near_miss (
    id bigint generated always as identity primary key,
    postmortem_id bigint not null unique references postmortem on delete cascade,
    title text not null,
    could_have text not null,
    barrier text not null,
    lessons text not null,
    potential_severity int not null check (potential_severity between 0 and 3),
    factors text[] not null,
    service_ids bigint[] not null,
    noticed_at timestamptz not null,
    reporter_id bigint references person,
    is_unnamed boolean not null,
    check (reporter_id is null or not is_unnamed)
);
create index near_miss_noticed on near_miss (noticed_at desc, id desc);
create index near_miss_services on near_miss using gin (service_ids);

insert into due (kind, key, due_at)
values
    ('postmortems.index', 'daily', now() + interval '1 hour'),
    ('postmortems.frequencies', 'daily', now() + interval '1 hour')
on conflict do nothing;
