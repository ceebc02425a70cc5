-- The status that a component has in the history of a page is changed with a reason, and with a second person's yes
-- if it looks better then. What took effect is a public incident of its own kind, so the log of the page has it.
alter table public_incident
    drop constraint public_incident_kind_check,
    add constraint public_incident_kind_check check (kind in ('incident', 'maintenance', 'relabeling'));
alter table public_update
    drop constraint public_update_kind_check,
    add constraint public_update_kind_check check (kind in ('update', 'correction', 'regression', 'postmortem', 'relabeling')),
    drop constraint public_update_stage_check,
    add constraint public_update_stage_check check (
        stage in (
            'investigating', 'identified', 'monitoring', 'resolved',
            'scheduled', 'in_progress', 'verifying', 'completed', 'cancelled',
            'relabeled'
        )
    );

-- `public_incident_id` is null until it takes effect.
create table status_relabeling (
    id bigint generated always as identity primary key,
    public_id text not null unique,
    status_page_id bigint not null references status_page on delete cascade,
    component_id bigint not null references status_component on delete cascade,
    starts_at timestamptz not null,
    ends_at timestamptz not null check (ends_at > starts_at),
    status text not null check (
        status in (
            'operational', 'under_maintenance', 'degraded_performance', 'partial_outage', 'major_outage'
        )
    ),
    reason text not null check (reason <> ''),
    uptime_before int,
    uptime_after int,
    requested_by bigint references person,
    requested_label text not null,
    requested_at timestamptz not null,
    state text not null check (state in ('waiting', 'accepted', 'declined', 'withdrawn')),
    answered_by bigint references person,
    answered_label text not null default '',
    answered_at timestamptz,
    public_incident_id bigint references public_incident on delete cascade,
    check ((state = 'accepted') = (public_incident_id is not null))
);
create index status_relabeling_of_page on status_relabeling (status_page_id, id);
create index status_relabeling_in_effect on status_relabeling (status_page_id, ends_at) where state = 'accepted';
create index status_relabeling_of_component on status_relabeling (component_id);
create index status_relabeling_requester on status_relabeling (requested_by);
create index status_relabeling_answerer on status_relabeling (answered_by);
create index status_relabeling_of_incident on status_relabeling (public_incident_id);
comment on column status_relabeling.uptime_before is 'Hundredths of a percent of 90 days, rounded down; null without data.';

-- The texts of updates in other languages of their page. They are entries of the same chain as the texts themselves.
create table public_update_translation (
    status_page_id bigint not null references status_page on delete cascade,
    chain_seq bigint not null,
    update_id bigint not null references public_update on delete cascade,
    locale text not null check (locale <> ''),
    version int not null,
    body text not null,
    body_sha256 text not null,
    at timestamptz not null,
    actor text not null,
    prev_hash text not null,
    hash text not null,
    primary key (status_page_id, chain_seq),
    unique (update_id, locale, version)
);
