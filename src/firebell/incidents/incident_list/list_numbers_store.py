"""The SQL that counts and measures the incidents of a list; its work is bounded however many there are."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from firebell.incidents import visibility_store
from firebell.incidents.incident_list.list_numbers import Numbers, Tally
from firebell.incidents.incident_list.store import COUNTED, POSTMORTEM_DUE, ListQuery
from firebell.incidents.model import IncidentFilter, Phase
from firebell.kit.db.database import Row, Tx

OPTIONS = 8
"""Number of options that a filter offers."""


def _tally(row: Row) -> Tally:
    values = dict(row)
    return Tally(**{**values, "phase": Phase(values["phase"])})


def _matching(query: ListQuery, wanted: IncidentFilter, columns: str, limit: int) -> str:
    """Return the common table expression `matching`: the newest incidents of a filter, at most `limit`."""
    return f"""
        listed as materialized (
            {query.listed("id", wanted, "id desc", str(limit))}
        ),
        matching as materialized (
            select listed.id, {columns}
            from listed
            cross join lateral (
                select *
                from incident
                where id = listed.id
                offset 0
            ) incident
        )
    """


def _narrow(wanted: IncidentFilter) -> IncidentFilter:
    """Return the part of a filter by which tallies do not differ."""
    return replace(wanted, phases=(), drill=None, severities=(), since=None, until=None, postmortem_due=False)


def is_narrowed(wanted: IncidentFilter) -> bool:
    """Return True if only up to `COUNTED` of the incidents of a filter are tallied."""
    return _narrow(wanted) != IncidentFilter()


async def tallies(tx: Tx, wanted: IncidentFilter, starts: Sequence[datetime]) -> list[Tally] | None:
    """Return how many incidents have each state, severity and month; None if that would be slow to count.

    Only the service, the commander and the words of the filter count. All incidents are counted from an index,
    filtered ones are read, up to `COUNTED`.
    """
    query = ListQuery()
    months = query.add(list(starts))
    properties = f"drill, phase, severity, width_bucket(declared_at, {months}::timestamptz[]) as month"
    if not is_narrowed(wanted):
        limit = None
        statement = f"""
        (
            with state as materialized (
                select drill, phase, severity
                from unnest({query.add([str(phase) for phase in Phase])}::text[]) counted_phase (phase)
                cross join unnest(array[true, false]) counted_drill (drill)
                cross join generate_series(0, 3) counted_severity (severity)
                -- the earliest is the first of its range of the index
                where (
                    select min(declared_at)
                    from incident
                    where incident.drill = counted_drill.drill
                        and incident.phase = counted_phase.phase
                        and incident.severity = counted_severity.severity
                ) is not null
            ),
            range as materialized (
                select month,
                    coalesce(({months}::timestamptz[])[month], '-infinity') as since,
                    coalesce(({months}::timestamptz[])[month + 1], 'infinity') as until
                from generate_series(0, cardinality({months}::timestamptz[])) month
            )
            select state.drill, state.phase, state.severity, month, false as postmortem_due, counted.incidents
            from state
            cross join range
            cross join lateral (
                -- to group all incidents takes several times as long as to count each range of the index
                select count(*) as incidents
                from incident
                where incident.drill = state.drill
                    and incident.phase = state.phase
                    and incident.severity = state.severity
                    and declared_at >= range.since
                    and declared_at < range.until
            ) counted
            where counted.incidents > 0
        )
        union all
        select {properties}, true as postmortem_due, count(*) as incidents
        from incident_postmortem
        cross join lateral (
            select drill, phase, severity, declared_at
            from incident
            where id = incident_postmortem.incident_id
            offset 0
        ) incident
        where {POSTMORTEM_DUE}
        group by drill, phase, severity, month
        """
        if hidden := await visibility_store.hidden_ids(tx):
            statement += _without(properties, query.add(hidden))
    else:
        limit = COUNTED + 1
        statement = f"""
        with {_matching(query, _narrow(wanted), "drill, phase, severity, declared_at", limit)}
        select {properties}, false as postmortem_due, count(*) as incidents
        from matching
        group by drill, phase, severity, month
        union all
        select {properties}, true as postmortem_due, count(*) as incidents
        from matching
        cross join lateral (
            select state
            from incident_postmortem
            where incident_id = matching.id
            offset 0
        ) written
        where {POSTMORTEM_DUE}
        group by drill, phase, severity, month
        """
    rows = await tx.fetch(statement, *query.values)
    counted = [_tally(row) for row in rows]
    is_cut = limit is not None and sum(t.incidents for t in counted if not t.postmortem_due) >= limit
    return None if is_cut else counted


def _without(properties: str, hidden: str) -> str:
    """Return what subtracts the incidents `hidden` from the counts of all."""
    return f"""
        union all
        select {properties}, false, -count(*)
        from incident
        where id = any({hidden}::bigint[])
        group by drill, phase, severity, month
        union all
        select {properties}, true, -count(*)
        from incident
        join incident_postmortem on incident_postmortem.incident_id = incident.id
        where incident.id = any({hidden}::bigint[])
            and {POSTMORTEM_DUE}
        group by drill, phase, severity, month
    """


async def newest_ids(tx: Tx, wanted: IncidentFilter, limit: int = COUNTED) -> list[int]:
    """Return the ids of the newest incidents of a list, newest first: its options and numbers describe `COUNTED`."""
    query = ListQuery()
    rows = await tx.fetch(query.listed("id", wanted, "id desc", str(limit)), *query.values)
    return [row["id"] for row in rows]


async def services(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """Return the services of most of these incidents, with how many of them each has."""
    return await _options(
        tx,
        ids,
        """
        select service_id as option, count(*) as incidents
        from matching
        cross join lateral (
            -- `offset 0` makes the planner look the few incidents up in the index
            select service_id
            from incident_service
            where incident_id = matching.id
            offset 0
        ) affected
        group by service_id
        """,
    )


async def commanders(tx: Tx, ids: Sequence[int]) -> dict[int, int]:
    """Return the commanders of most of these incidents, with how many of them each has."""
    return await _options(
        tx,
        ids,
        """
        select person_id as option, count(*) as incidents
        from matching
        cross join lateral (
            select person_id
            from incident_role
            where incident_id = matching.id
                and role = 'commander'
                and until_at is null
            offset 0
        ) held
        group by person_id
        """,
    )


async def _options(tx: Tx, ids: Sequence[int], grouped: str) -> dict[int, int]:
    rows = await tx.fetch(
        f"""
        with matching as materialized (
            select id
            from unnest($1::bigint[]) id
        ),
        counted as (
            {grouped}
        )
        select option, incidents
        from counted
        order by incidents desc, option
        limit {OPTIONS}
        """,
        list(ids),
    )
    return {row["option"]: row["incidents"] for row in rows}


async def numbers(tx: Tx, ids: Sequence[int], now: datetime) -> Numbers:
    """Return facts about these incidents; impact that has not ended lasts until `now`."""
    row = await tx.row(
        f"""
        with matching as materialized (
            select listed.id, phase, detected_at, declared_at, impact_start, impact_end, closed_at
            from unnest($1::bigint[]) listed (id)
            cross join lateral (
                select *
                from incident
                where id = listed.id
                offset 0
            ) incident
        ),
        document as (
            select count(*) filter (where {POSTMORTEM_DUE}) as due,
                count(*) filter (where {POSTMORTEM_DUE} and due_at < $2::timestamptz) as overdue
            from matching
            cross join lateral (
                select state, due_at
                from incident_postmortem
                where incident_id = matching.id
                offset 0
            ) written
        )
        select count(*) as incidents,
            extract(epoch from sum(
                coalesce(impact_end, closed_at, $2::timestamptz) - coalesce(impact_start, detected_at)
            ) filter (where phase <> 'dismissed'))::float as impact,
            percentile_cont(0.5) within group (
                order by extract(epoch from impact_end - detected_at)::float
            ) as median_mitigation,
            percentile_cont(0.5) within group (
                order by extract(epoch from closed_at - declared_at)::float
            ) as median_duration,
            (select due from document) as postmortems_due,
            (select overdue from document) as postmortems_overdue
        from matching
        """,
        list(ids),
        now,
    )
    assert row

    def duration(name: str) -> timedelta | None:
        return None if row[name] is None else max(timedelta(0), timedelta(seconds=row[name]))

    return Numbers(
        incidents=row["incidents"],
        impact=duration("impact"),
        median_mitigation=duration("median_mitigation"),
        median_duration=duration("median_duration"),
        postmortems_due=row["postmortems_due"],
        postmortems_overdue=row["postmortems_overdue"],
    )
