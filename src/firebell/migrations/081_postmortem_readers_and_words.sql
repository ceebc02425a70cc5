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

-- The documents with the words of a search. Comparing a document itself takes its words out of TOAST, which the
-- planner does not count: for frequent words it would read every document instead of the index.
create function postmortems_with_words(wanted tsquery) returns setof bigint
language sql stable rows 1000
set enable_seqscan = off
as $$
    select postmortem_id
    from postmortem_search
    where words @@ wanted
$$;
