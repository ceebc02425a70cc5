"""The SQL of the list of incidents: one condition per filter, in the order of an index."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from firebell.incidents.model import OPEN, Incident, IncidentFilter, Phase, PostmortemState, Sort
from firebell.incidents.store import INCIDENT_COLUMNS, incident_from_row
from firebell.incidents.visibility_store import readable
from firebell.kit.db.database import Tx
from firebell.kit.search_terms import NEWEST_SEARCHED, tsquery

COUNTED = 500
"""Number of incidents up to which a list is counted exactly."""
FEW_MATCHES = 300
"""Number of matches up to which words are searched for once, and not once for each number of the list."""
POSTMORTEM_DUE = "state <> 'published' and state <> 'withdrawn'"
"""Which documents of `incident_postmortem` are due, phrased so that the index of unpublished ones is used."""
_DURATION = """coalesce(
    date_part('epoch', closed_at - declared_at),
    1e12 - date_part('epoch', declared_at - timestamptz '1970-01-01 00:00:00+00')
)"""
"""Seconds from declaration to closure; open incidents sort above all closed ones, earliest declaration first."""

_SEARCHED = "id, title, summary, severity, declared_at, closed_at, visibility"
_MATCH = "search_vector(incident.title || ' ' || incident.summary) @@ to_tsquery('simple', {})"


_ORDER_KEYS = {Sort.NEWEST: "id", Sort.LONGEST: f"{_DURATION}, id", Sort.SEVEREST: "(-severity), id"}
"""What each order compares, greatest first."""


class ListQuery:
    """Filters as SQL, with the values of their placeholders in `values`."""

    def __init__(self) -> None:
        self.values: list[object] = []

    def add(self, value: object) -> str:
        """Add a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def parts(self, wanted: IncidentFilter, id_order: str = "desc") -> tuple[str, str]:
        """Return the `from` and the `where` clause, without these keywords; few incidents are looked up in an order."""
        id_queries = []
        if wanted.service_id is not None:
            service = self.add(wanted.service_id)
            id_queries.append(f"select incident_id from incident_service where service_id = {service}")
        if wanted.commander_id is not None:
            id_queries.append(
                f"""
                select incident_id
                from incident_role
                where person_id = {self.add(wanted.commander_id)}
                    and role = 'commander'
                    and until_at is null
                """
            )
        for field_id, value in wanted.fields:
            id_queries.append(
                f"""
                select incident_id
                from incident_field_value
                where field_id = {self.add(field_id)}
                    and value = {self.add(value)}
                """
            )
        if wanted.among is not None:
            ids = self.add(list(wanted.among))
            id_queries.append(f"select incident_id from unnest({ids}::bigint[]) incident_id")
        if wanted.postmortem_due:
            id_queries.append(f"select incident_id from incident_postmortem where {POSTMORTEM_DUE}")
        source = "incident"
        if id_queries:
            # `offset 0` makes the planner look the few incidents up by primary key
            source = f"""(
                select incident_id
                from (
                    {" intersect ".join(id_queries)}
                ) listed_id
                order by incident_id {id_order}
            ) few cross join lateral (select * from incident where id = few.incident_id offset 0) incident"""
        return source, "\n            and ".join(self._conditions(wanted))

    def listed(
        self, columns: str, wanted: IncidentFilter, order: str, maximum: str, *, after: str = ""
    ) -> str:
        """Return the statement for the next `maximum` incidents in an order.

        Words are searched for in the incidents that come next, then by the index, which is not ordered.
        """
        source, where = self.parts(wanted, "asc" if order == "id asc" else "desc")
        where += after
        match = _MATCH.format(self.add(tsquery(wanted.words))) if wanted.words else "true"
        if not wanted.words or source != "incident":
            if source != "incident" and order in ("id desc", "id asc"):
                # looked up in this order, so that the search ends with enough incidents
                order = f"few.incident_{order}"
            return f"""
            select {columns}
            from {source}
            where {where}
                and {match}
            order by {order}
            limit {maximum}
            """
        return f"""
            with next_incident as materialized (
                select {_SEARCHED}
                from incident
                where {where}
                order by {order}
                limit {NEWEST_SEARCHED}
            ),
            titled as materialized (
                select id
                -- in their order, so that the search ends with enough matches
                from next_incident incident
                where {match}
                limit {maximum}
            ),
            indexed as materialized (
                select id
                from (
                    -- `offset 0` makes the planner read the index of words
                    select *
                    from incident
                    where {match}
                    offset 0
                ) incident
                where {where}
                    and (select count(*) from titled) < {maximum}
                    and (select count(*) from next_incident) = {NEWEST_SEARCHED}
            )
            select {columns}
            from incident
            where id in (
                select id
                from titled
                union
                select id
                from indexed
            )
            order by {order}
            limit {maximum}
        """

    def _conditions(self, wanted: IncidentFilter) -> list[str]:
        conditions = [readable(self.add)]
        if wanted.id is not None:
            conditions.append(f"incident.id = {self.add(wanted.id)}")
        if wanted.phases:
            conditions.append(f"incident.phase = any({self.add([str(p) for p in wanted.phases])}::text[])")
        if wanted.drill is not None:
            conditions.append("incident.drill" if wanted.drill else "not incident.drill")
        if wanted.severities:
            conditions.append(f"incident.severity = any({self.add(list(wanted.severities))}::int[])")
        if wanted.types:
            conditions.append(f"incident.type = any({self.add([str(t) for t in wanted.types])}::text[])")
        if wanted.since is not None:
            conditions.append(f"incident.declared_at >= {self.add(wanted.since)}")
        if wanted.until is not None:
            conditions.append(f"incident.declared_at < {self.add(wanted.until)}")
        return conditions


async def plan_for_values(tx: Tx) -> None:
    """Plan each later statement of this transaction for its values.

    A plan for any phases walks through all incidents in the order of the list to find the few that are open.
    """
    await tx.execute("set local plan_cache_mode = force_custom_plan")


async def searched_once(tx: Tx, wanted: IncidentFilter) -> IncidentFilter:
    """Return the filter with the matches of its words instead of them if these are few, else as it is.

    A list asks for its incidents, counts and numbers in statements of their own. Each would look for a rare word in
    all of the newest incidents before it reads the index.
    """
    if not wanted.words:
        return wanted
    query = ListQuery()
    rows = await tx.fetch(
        f"""
        with matching as materialized (
            -- planned for all matches, so by the index, but read only as far as needed
            select id
            from incident
            where {_MATCH.format(query.add(tsquery(wanted.words)))}
        )
        select id
        from matching
        limit {FEW_MATCHES + 1}
        """,
        *query.values,
    )
    if len(rows) > FEW_MATCHES:
        return wanted
    return replace(wanted, words=(), among=tuple(row["id"] for row in rows))


async def in_phases(tx: Tx, phases: Sequence[Phase], drill: bool, limit: int) -> list[Incident]:
    """Return incidents in these phases, newest first."""
    return await incidents(tx, IncidentFilter(phases=tuple(phases), drill=drill), limit=limit)


async def incidents(
    tx: Tx,
    wanted: IncidentFilter,
    sort: Sort = Sort.NEWEST,
    *,
    limit: int,
    place: int | None = None,
    newer: bool = False,
) -> list[Incident]:
    """Return the incidents after the one with the id `place` in the order of the list, or before it if `newer`.

    Open incidents are on top in each order.
    """
    await plan_for_values(tx)
    open_, ended = _open_and_ended(wanted)
    if open_ is None or ended is None or sort is Sort.LONGEST:  # durations order open ones on top anyway
        return await _in_order(tx, wanted, sort, limit, place, newer=newer)
    runs: list[tuple[IncidentFilter, int | None]] = [(open_, place), (ended, place)]
    if place is not None:
        is_open = await tx.value(
            "select phase = any($2::text[]) from incident where id = $1", place, [str(p) for p in OPEN]
        )
        if is_open is not None:
            passed = (open_, place), (ended, None)
            runs = [(open_, place)] if is_open and newer else list(passed) if is_open else [(ended, place)]
            if newer and not is_open:
                runs = [(ended, place), (open_, None)]
    listed: list[Incident] = []
    for part, after in runs:
        if len(listed) < limit:
            more = await _in_order(tx, part, sort, limit - len(listed), after, newer=newer)
            listed = [*more, *listed] if newer else [*listed, *more]
    return listed


def _open_and_ended(wanted: IncidentFilter) -> tuple[IncidentFilter | None, IncidentFilter | None]:
    """Return the filter for open and for ended incidents; None for those that it leaves out."""
    phases = wanted.phases or tuple(Phase)
    open_ = tuple(phase for phase in phases if phase in OPEN)
    ended = tuple(phase for phase in phases if phase not in OPEN)
    return (
        replace(wanted, phases=open_) if open_ else None,
        replace(wanted, phases=ended) if ended else None,
    )


async def _in_order(
    tx: Tx, wanted: IncidentFilter, sort: Sort, limit: int, place: int | None, *, newer: bool
) -> list[Incident]:
    query, after = ListQuery(), ""
    key = _ORDER_KEYS[sort]
    if place is not None:
        comparison, placeholder = ">" if newer else "<", query.add(place)
        limit_key = placeholder
        if sort is not Sort.NEWEST:
            limit_key = f"(select {key} from incident where id = {placeholder})"
        after = f"\n            and ({key}) {comparison} {limit_key}"
    direction = "asc" if newer else "desc"
    columns = key.removesuffix("id")
    order = f"{columns.removesuffix(', ')} {direction}, id {direction}" if columns else f"id {direction}"
    statement = query.listed(INCIDENT_COLUMNS, wanted, order, query.add(limit), after=after)
    rows = await tx.fetch(statement, *query.values)
    listed = [incident_from_row(row) for row in rows]
    return listed[::-1] if newer else listed


async def counts(tx: Tx, filters: Mapping[str, IncidentFilter]) -> dict[str, int]:
    """Return how many incidents match each filter, at most `COUNTED` + 1, in one statement."""
    await plan_for_values(tx)
    query = ListQuery()
    selects = []
    for name, wanted in filters.items():
        selects.append(
            f"""
            select {query.add(name)}::text tab, count(*) incidents
            from (
                {query.listed("id", wanted, "id desc", str(COUNTED + 1))}
            ) listed
            """
        )
    rows = await tx.fetch(" union all ".join(selects), *query.values)
    return {row["tab"]: row["incidents"] for row in rows}


async def postmortems(tx: Tx, ids: Sequence[int]) -> dict[int, PostmortemState]:
    """Return the state of the post-mortems by incident; incidents without one are absent."""
    rows = await tx.fetch(
        """
        select incident_id, state, due_at
        from incident_postmortem
        where incident_id = any($1::bigint[])
        """,
        list(ids),
    )
    return {row["incident_id"]: PostmortemState(row["state"], row["due_at"]) for row in rows}


async def commander_ids(tx: Tx) -> list[int]:
    """Return the ids of the people who hold the role of commander in any incident."""
    # one lookup in the index for each commander: `distinct` would read all of their roles
    rows = await tx.fetch(
        """
        with recursive commander (person_id) as (
            select min(person_id)
            from incident_role
            where role = 'commander'
                and until_at is null
            union all
            select (
                select min(incident_role.person_id)
                from incident_role
                where role = 'commander'
                    and until_at is null
                    and incident_role.person_id > commander.person_id
            )
            from commander
            where commander.person_id is not null
        )
        select person_id
        from commander
        where person_id is not null
        """
    )
    return [row["person_id"] for row in rows]
