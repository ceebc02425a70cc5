-- Runs of runbooks. A run and its steps follow from its events, which are never changed.

-- the texts that runs are pinned to, each once
create table runbook_text (
    sha256 text primary key check (sha256 ~ '^[0-9a-f]{64}$'),
    body text not null
);

create table runbook_run (
    id bigint generated always as identity primary key,
    client_id uuid unique,
    slug text not null check (slug <> ''),
    title text not null,
    owner text not null,
    version bigint,
    sha256 text not null references runbook_text,
    incident_id bigint references incident,
    page_id bigint references page on delete set null,
    kind text not null check (kind in ('web', 'cli')),
    mode text not null check (mode in ('interactive', 'unattended')),
    is_dry boolean not null,
    state text not null check (
        state in ('running', 'lost', 'succeeded', 'failed', 'rolled_back', 'rollback_failed', 'stopped')
    ),
    is_rolling_back boolean not null default false,
    is_taken_over boolean not null default false,
    started_by text not null,
    started_by_id bigint references person,
    started_at timestamptz not null,
    ended_at timestamptz,
    reason text not null default '',
    variables jsonb not null,
    client text not null,
    last_seq int not null default 0,
    heartbeat_at timestamptz not null
);
create index runbook_run_of_runbook on runbook_run (slug, id desc);
create index runbook_run_of_incident on runbook_run (incident_id, id desc) where incident_id is not null;
create index runbook_run_of_page on runbook_run (page_id) where page_id is not null;
create index runbook_run_of_text on runbook_run (sha256);

create table runbook_step (
    run_id bigint not null references runbook_run on delete cascade,
    part text not null,
    position int not null,
    place int not null,
    title text not null,
    label text not null,
    line int not null,
    fence_sha text not null,
    fence_id text not null,
    undo text[] not null,
    state text not null check (state in ('pending', 'running', 'done', 'failed', 'skipped', 'unknown')),
    version int not null,
    attempts int not null,
    from_at timestamptz,
    to_at timestamptz,
    exit int,
    ms bigint,
    reason text not null,
    changed_by text not null,
    changed_at timestamptz,
    execution_order int not null,
    output_stream text,
    output_seq int,
    primary key (run_id, part, position)
);

create table runbook_run_event (
    run_id bigint not null references runbook_run on delete cascade,
    stream text not null check (stream in ('client', 'server')),
    seq int not null check (seq > 0),
    at timestamptz not null,
    received_at timestamptz not null,
    kind text not null,
    part text not null,
    position int not null,
    exit int,
    ms bigint,
    reason text not null,
    by text not null,
    by_id bigint references person,
    primary key (run_id, stream, seq)
);

-- what a step printed, already redacted on the machine where it ran; kept for a shorter time than the run
create table runbook_run_output (
    run_id bigint not null references runbook_run on delete cascade,
    stream text not null,
    seq int not null,
    at timestamptz not null,
    head text not null,
    tail text not null,
    redacted int not null,
    primary key (run_id, stream, seq)
);
create index runbook_run_output_age on runbook_run_output (at);

insert into due (kind, key, due_at) values ('kit.retention', 'runbook_run_output', now() + interval '1 day');
