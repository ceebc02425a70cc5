-- Action items: what is changed after an incident, with an owner and a due day.

create table action_item (
    id bigint generated always as identity primary key,
    incident_id bigint references incident,
    -- the post-mortem and the task from which it was created, if any
    postmortem_id bigint,
    task_id bigint,
    title text not null check (char_length(title) between 8 and 200),
    detail text not null default '',
    kind text not null check (kind in ('prevent', 'detect', 'mitigate', 'process')),
    strength text not null check (strength in ('eliminate', 'automate', 'guard', 'warn', 'document')),
    priority smallint not null check (priority between 1 and 3),
    owner_id bigint references person,
    is_accepted boolean not null default false,
    proposed_at timestamptz,
    team_id bigint references team on delete set null,
    due date not null,
    state text not null default 'open' check (state in ('open', 'in_progress', 'done', 'dropped', 'duplicate')),
    duplicate_of bigint references action_item,
    blocked_reason text not null default '',
    moved int not null default 0 check (moved >= 0),
    evidence jsonb not null default '[]',
    source_quote text not null default '',
    created_at timestamptz not null,
    created_by text not null,
    changed_at timestamptz not null,
    done_at timestamptz,
    -- the day on which it was finished, in the time zone of its owner
    done_on date,
    dropped_reason text not null default '',
    risk_accepted_by text not null default '',
    escalated_to text not null default '' check (escalated_to in ('', 'lead', 'manager')),
    escalated_at timestamptz,
    -- reminders up to this instant were sent, or are not sent any more
    reminded_until timestamptz not null,
    version bigint not null default 1,
    check ((state = 'done') = (done_at is not null)),
    check ((state = 'duplicate') = (duplicate_of is not null)),
    check (duplicate_of <> id),
    check (not is_accepted or owner_id is not null)
);

create index action_item_unfinished on action_item (due, id) where state in ('open', 'in_progress');
create index action_item_due on action_item (due);
create index action_item_owner on action_item (owner_id, due) where state in ('open', 'in_progress');
create index action_item_team on action_item (team_id, due) where state in ('open', 'in_progress');
create index action_item_incident on action_item (incident_id);
create index action_item_done on action_item (done_on desc, id) where state = 'done';
create index action_item_duplicates on action_item (duplicate_of) where duplicate_of is not null;
create unique index action_item_of_task on action_item (task_id) where task_id is not null;
create index action_item_search on action_item using gin (search_vector(title || ' ' || detail))
    with (fastupdate = off);

-- one row for each change of a field
create table action_event (
    item_id bigint not null references action_item on delete cascade,
    seq int not null,
    at timestamptz not null,
    by text not null,
    field text not null,
    old text not null default '',
    new text not null default '',
    note text not null default '',
    via text not null,
    primary key (item_id, seq)
);

-- would this item, which was overdue when the incident was declared, have prevented or shortened it?
create table action_question (
    incident_id bigint not null references incident on delete cascade,
    item_id bigint not null references action_item on delete cascade,
    reason text not null check (reason in ('rule', 'similar')),
    days_overdue int not null check (days_overdue > 0),
    asked_at timestamptz not null,
    answer text check (answer in ('prevented', 'shortened', 'no', 'not_known')),
    answered_by text not null default '',
    answered_at timestamptz,
    primary key (incident_id, item_id)
);
create index action_question_item on action_question (item_id);
create index action_question_open on action_question (incident_id) where answer is null;
