"""The SQL of the list of pages: one condition per filter that is set, read in the order of an index."""

from collections.abc import Sequence

from firebell.kit.db.database import Tx
from firebell.kit.search_terms import NEWEST_SEARCHED, tsquery
from firebell.paging.model import OPEN, Page, PageFilter, PageState
from firebell.paging.page_list.pagination import WAITS_AGAIN, ListSegment, parts
from firebell.paging.store import PAGE_COLUMNS, page_from_row

COUNTED = 1000
"""Number of pages per state up to which pages are counted."""
EVERY = PageFilter()


class _Query:
    """A filter as SQL: `with_clause` selects the pages of a person, `per_team` joins the teams to read one by one."""

    def __init__(self, page_filter: PageFilter) -> None:
        self.values: list[object] = []
        self.with_clause = ""
        self.per_team = ""
        self.source = "page"
        self.where = ""
        self.match = ""
        self.newest_searched = ""
        # with an equality, the planner may read the pages of all states in the order of their ids
        self.in_state = "page.state between section.state and section.state"
        if page_filter.person_id is not None:
            self._only_of(page_filter.person_id)
        if page_filter.team_ids is not None:
            # one team at a time, so that each is read from its index in the order of the list
            self.per_team = f"cross join unnest({self.add(list(page_filter.team_ids))}::bigint[]) team (id)"
            self._and("page.team_id = team.id")
        for column, value in (
            ("service_id", page_filter.service_id),
            ("urgency", page_filter.urgency or None),
        ):
            if value is not None:
                self._and(f"page.{column} = {self.add(value)}")
        if page_filter.since is not None:
            self._and(f"page.triggered_at >= {self.add(page_filter.since)}")
        if page_filter.until is not None:
            self._and(f"page.triggered_at < {self.add(page_filter.until)}")
        if page_filter.since is not None or page_filter.until is not None:
            # an index by state and time
            self.in_state = "page.state = section.state"
        if page_filter.words:
            self._only_titled(tsquery(page_filter.words), few=page_filter.person_id is not None)

    def add(self, value: object) -> str:
        """Return the placeholder of one more value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def _and(self, condition: str) -> None:
        self.where += f"\n                and {condition}"

    def _only_titled(self, query: str, *, few: bool) -> None:
        match = f"search_vector(page.title) @@ to_tsquery('simple', {self.add(query)})"
        if few:
            self._and(match)
        else:
            self.match, self.newest_searched = match, self.add(NEWEST_SEARCHED)

    def listed(self, columns: str, section: str, order: str, maximum: str) -> str:
        """Return the statement for the next `maximum` pages of a section, in the order of their ids.

        Words are searched for in the pages that come next, then by the index, which is not ordered.
        """
        where = f"{section}{self.where}"
        if not self.match:
            return f"""
            select {columns}
            from {self.source}
            where {where}
            order by page.state {order}, page.id {order}
            limit {maximum}
            """
        return f"""
            with next_page as materialized (
                select page.id, page.title
                from page
                where {where}
                order by page.state {order}, page.id {order}
                limit {self.newest_searched}
            ),
            titled as materialized (
                select page.id
                -- in their order, so that the search ends with enough matches
                from next_page page
                where {self.match}
                limit {maximum}
            ),
            indexed as materialized (
                select page.id
                from (
                    -- `offset 0` makes the planner read the index of words
                    select *
                    from page
                    where {self.match}
                    offset 0
                ) page
                where {where}
                    and (select count(*) from titled) < {maximum}
                    and (select count(*) from next_page) = {self.newest_searched}
            )
            select {columns}
            from page
            where page.id in (
                select id
                from (
                    select id
                    from titled
                    union
                    select id
                    from indexed
                ) matching
                order by id {order}
                limit {maximum}
            )
            order by page.id {order}
        """

    def _only_of(self, person_id: int) -> None:
        # `offset 0` keeps each lookup on the index: a person has few of all pages
        person, states = self.add(person_id), self.add(list(OPEN))
        self.with_clause = f"""
        with own_page as materialized (
            select page_id
            from page_owner
            where person_id = {person}
            union
            select open_page.id
            from page open_page
            where open_page.state = any({states}::text[])
                and exists (
                    select
                    from delivery
                    where delivery.subject_kind = 'page'
                        and delivery.subject_id = open_page.id
                        and delivery.person_id = {person}
                    offset 0
                )
        )
        """
        self.source = (
            "own_page cross join lateral (select * from page where id = own_page.page_id offset 0) page"
        )


async def pages(
    tx: Tx,
    *,
    states: Sequence[str] | None = None,
    team_ids: Sequence[int] | None = None,
    limit: int = 100,
) -> list[Page]:
    """Return pages, unanswered ones first, then highest id first."""
    sections = parts(list(PageState) if states is None else states, None)
    page_filter = PageFilter(team_ids=None if team_ids is None else tuple(team_ids))
    return [page for _, page in await walk(tx, sections, page_filter, limit=limit)]


async def walk(
    tx: Tx,
    sections: Sequence[ListSegment],
    page_filter: PageFilter = EVERY,
    *,
    limit: int,
    newer: bool = False,
) -> list[tuple[bool, Page]]:
    """Return pages with their section (True: waiting) in list order, or in reverse when `newer`.

    Each section is read from an index that begins with its state, in one snapshot.
    """
    order = "asc" if newer else "desc"
    query = _Query(page_filter)
    columns = ", ".join(f"page.{name}" for name in PAGE_COLUMNS.split(", "))
    section = [
        query.add(values)
        for values in (
            [s.state for s in sections],
            [s.waiting for s in sections],
            [s.low for s in sections],
            [s.high for s in sections],
            [s.since for s in sections],
        )
    ]
    kinds, maximum = query.add(list(WAITS_AGAIN)), query.add(limit)
    in_section = f"""{query.in_state}
                and page.id >= section.low
                and page.id < section.high
                and (section.since is null or exists (
                    select
                    from (
                        select entry.at, entry.kind
                        from page_log entry
                        where entry.page_id = page.id
                        order by entry.id desc
                        limit 100
                    ) latest
                    where latest.at >= section.since
                        and latest.kind = any({kinds}::text[])
                ))"""
    rows = await tx.fetch(
        f"""
        {query.with_clause}
        select section.waiting, listed.*
        from unnest({section[0]}::text[], {section[1]}::bool[], {section[2]}::bigint[], {section[3]}::bigint[],
            {section[4]}::timestamptz[]) section (state, waiting, low, high, since)
        {query.per_team}
        cross join lateral (
            {query.listed(columns, in_section, order, maximum)}
        ) listed
        order by section.waiting {order}, listed.id {order}
        limit {maximum}
        """,
        *query.values,
    )
    listed = [dict(row) for row in rows]
    return [(values.pop("waiting"), page_from_row(values)) for values in listed]


async def counts(tx: Tx, page_filter: PageFilter = EVERY) -> dict[str, int]:
    """Return the number of matching pages by state, counted up to `COUNTED` + 1."""
    query = _Query(page_filter)
    states, maximum = query.add([str(state) for state in PageState]), query.add(COUNTED + 1)
    rows = await tx.fetch(
        f"""
        {query.with_clause}
        select section.state, count(*) pages
        from unnest({states}::text[]) section (state)
        {query.per_team}
        cross join lateral (
            {query.listed("page.id", query.in_state, "desc", maximum)}
        ) listed
        group by section.state
        """,
        *query.values,
    )
    return {row["state"]: row["pages"] for row in rows}


async def matching_ids(tx: Tx, states: Sequence[str], page_filter: PageFilter, limit: int) -> list[int]:
    """Return the ids of the matching pages, highest first."""
    query = _Query(page_filter)
    section_states, maximum = query.add(list(states)), query.add(limit)
    rows = await tx.fetch(
        f"""
        {query.with_clause}
        select listed.id
        from unnest({section_states}::text[]) section (state)
        {query.per_team}
        cross join lateral (
            {query.listed("page.id", query.in_state, "desc", maximum)}
        ) listed
        order by listed.id desc
        limit {maximum}
        """,
        *query.values,
    )
    return [row["id"] for row in rows]


async def page_exists(tx: Tx, page_id: int) -> bool:
    """Return True if the page exists."""
    return bool(await tx.value("select exists (select from page where id = $1)", page_id))
