-- Timers are claimed kind by kind, so that overdue timers of one kind make no claim of another read more rows: the
-- first and the last timers of a kind are at the ends of its part of the index.
create index due_of_kind on due (kind, due_at, id);
drop index due_next;

-- Owned by kit. Returns the kinds that have timers, each found by one search of an index.
create function timer_kinds() returns setof text
language sql stable as $$
    with recursive found (kind) as (
        select min(due.kind)
        from due
        union all
        select (select min(due.kind) from due where due.kind > found.kind)
        from found
        where found.kind is not null
    )
    select kind
    from found
    where kind is not null
$$;
