-- What each running process knows to be wrong with itself, so that the screens of every process show it (spec 2.10).
-- A process that has nothing wrong has no row, and rows that a process stopped renewing count for nothing.
create table process_finding (
    process_id uuid not null,
    name text not null,
    host text not null,
    note text not null,
    warning text not null,
    delays_pages boolean not null,
    noticed_at timestamptz not null,
    primary key (process_id, name)
);
