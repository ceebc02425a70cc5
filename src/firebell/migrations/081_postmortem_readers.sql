-- Who read a published post-mortem, and whether it was useful to them; only numbers are shown.
create table postmortem_reader (
    postmortem_id bigint not null references postmortem on delete cascade,
    person_id bigint not null references person,
    read_at timestamptz not null,
    is_useful boolean,
    answered_at timestamptz,
    primary key (postmortem_id, person_id),
    check ((is_useful is null) = (answered_at is null))
);
