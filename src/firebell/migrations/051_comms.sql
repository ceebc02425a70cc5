-- What someone wrote about an incident, for everyone at once. `seq` counts what was saved about the incident, so that
-- a second writer is told of the first. `bodies` has a text for each kind of reader.
create table comms_post (
    id bigint generated always as identity primary key,
    incident_id bigint not null references incident,
    seq integer not null,
    state text not null check (state in ('draft', 'waiting', 'published', 'partly', 'returned', 'recalled')),
    author_id bigint references person,
    author text not null,
    headline text not null,
    bodies jsonb not null,
    stage text,
    statuses jsonb not null,
    targets text[] not null,
    next_update_at timestamptz,
    findings jsonb not null,
    reason text not null,
    body_sha256 text not null,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    published_at timestamptz
);
create unique index comms_post_seq on comms_post (incident_id, seq);
create unique index comms_post_draft on comms_post (incident_id) where state = 'draft';

-- What became of a post at each of its targets: each gets it once.
create table comms_delivery (
    post_id bigint not null references comms_post on delete cascade,
    target text not null,
    position integer not null,
    label text not null,
    state text not null check (state in ('waiting', 'sent', 'failed', 'returned', 'recalled')),
    removed text[] not null default '{}',
    reference jsonb not null default '{}',
    error text not null default '',
    sent_at timestamptz,
    primary key (post_id, target)
);

-- Who is asked to approve a post, by which rule, and what each answered. An answer counts for the text with this hash.
create table comms_approval (
    id bigint generated always as identity primary key,
    post_id bigint not null references comms_post on delete cascade,
    rule text not null,
    role text not null,
    asked_ids bigint[] not null,
    asked_at timestamptz not null,
    due_at timestamptz,
    answer text check (answer in ('approved', 'changes')),
    answered_by bigint references person,
    answered_label text not null default '',
    answered_at timestamptz,
    answered_sha256 text not null default '',
    note text not null default '',
    unique (post_id, rule, role)
);
