"""The SQL of the list of pages: one condition for each filter that is set, read in the order of an index."""

from collections.abc import Sequence

from firebell.kit.db import Tx
from firebell.paging.model import OPEN, Page, PageFilter, PageState
from firebell.paging.page_list import WAITS_AGAIN, Part, parts
from firebell.paging.store import PAGE_COLUMNS, page_from_row

COUNTED = 1000
"""Number of pages of one state up to which they are counted."""
EVERY = PageFilter()


class _Query:
    """A filter as SQL: `mine` is a common table expression, `across` what sections are read for one by one."""

    def __init__(self, wanted: PageFilter) -> None:
        self.values: list[object] = []
        self.mine = ""
        self.across = ""
        self.source = "page"
        self.where = ""
        if wanted.person_id is not None:
            self._only_of(wanted.person_id)
        if wanted.team_ids is not None:
            # one team at a time, so that each is read from its index in the order of the list
            self.across = f"cross join unnest({self.add(list(wanted.team_ids))}::bigint[]) team (id)"
            self._and("page.team_id = team.id")
        for column, value in (("service_id", wanted.service_id), ("urgency", wanted.urgency or None)):
            if value is not None:
                self._and(f"page.{column} = {self.add(value)}")
        if wanted.since is not None:
            self._and(f"page.triggered_at >= {self.add(wanted.since)}")
        if wanted.until is not None:
            self._and(f"page.triggered_at < {self.add(wanted.until)}")
        for word in wanted.words:
            self._and(f"position(lower({self.add(word)}) in lower(page.title)) > 0")

    def add(self, value: object) -> str:
        """Return the placeholder of one more value."""
        self.values.append(value)
        return f"${len(self.values)}"

    def _and(self, condition: str) -> None:
        self.where += f"\n                and {condition}"

    def _only_of(self, person_id: int) -> None:
        # `offset 0` keeps each lookup on the index: a person has few pages beside all that there are
        person, states = self.add(person_id), self.add(list(OPEN))
        self.mine = f"""
        with mine as materialized (
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
                    where delivery.page_id = open_page.id
                        and delivery.person_id = {person}
                    offset 0
                )
        )
        """
        self.source = "mine cross join lateral (select * from page where id = mine.page_id offset 0) page"


async def pages(
    tx: Tx,
    *,
    states: Sequence[str] | None = None,
    team_ids: Sequence[int] | None = None,
    limit: int = 100,
) -> list[Page]:
    """Return pages, those that wait for a human first, then by falling number."""
    every = parts(list(PageState) if states is None else states, None)
    wanted = PageFilter(team_ids=None if team_ids is None else tuple(team_ids))
    return [page for _, page in await walk(tx, every, wanted, limit=limit)]


async def walk(
    tx: Tx, sections: Sequence[Part], wanted: PageFilter = EVERY, *, limit: int, newer: bool = False
) -> list[tuple[bool, Page]]:
    """Return pages with their section (True: waiting) in the order of the list, or against it when `newer`.

    Each section is read from an index that begins with its state, in one snapshot.
    """
    order = "asc" if newer else "desc"
    query = _Query(wanted)
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
    kinds, most = query.add(list(WAITS_AGAIN)), query.add(limit)
    rows = await tx.fetch(
        f"""
        {query.mine}
        select section.waiting, listed.*
        from unnest({section[0]}::text[], {section[1]}::bool[], {section[2]}::bigint[], {section[3]}::bigint[],
            {section[4]}::timestamptz[]) section (state, waiting, low, high, since)
        {query.across}
        cross join lateral (
            select {columns}
            from {query.source}
            where page.state = section.state
                and page.id >= section.low
                and page.id < section.high{query.where}
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
                ))
            order by page.id {order}
            limit {most}
        ) listed
        order by section.waiting {order}, listed.id {order}
        limit {most}
        """,
        *query.values,
    )
    listed = [dict(row) for row in rows]
    return [(values.pop("waiting"), page_from_row(values)) for values in listed]


async def counts(tx: Tx, wanted: PageFilter = EVERY) -> dict[str, int]:
    """Return how many pages of each state match, counted up to `COUNTED` + 1."""
    query = _Query(wanted)
    states, most = query.add([str(state) for state in PageState]), query.add(COUNTED + 1)
    rows = await tx.fetch(
        f"""
        {query.mine}
        select section.state, count(*) pages
        from unnest({states}::text[]) section (state)
        {query.across}
        cross join lateral (
            select page.id
            from {query.source}
            where page.state = section.state{query.where}
            order by page.id desc
            limit {most}
        ) listed
        group by section.state
        """,
        *query.values,
    )
    return {row["state"]: row["pages"] for row in rows}


async def matching_ids(tx: Tx, states: Sequence[str], wanted: PageFilter, limit: int) -> list[int]:
    """Return the ids of the pages that match, by falling number."""
    query = _Query(wanted)
    named, most = query.add(list(states)), query.add(limit)
    rows = await tx.fetch(
        f"""
        {query.mine}
        select listed.id
        from unnest({named}::text[]) section (state)
        {query.across}
        cross join lateral (
            select page.id
            from {query.source}
            where page.state = section.state{query.where}
            order by page.id desc
            limit {most}
        ) listed
        order by listed.id desc
        limit {most}
        """,
        *query.values,
    )
    return [row["id"] for row in rows]


async def page_exists(tx: Tx, page_id: int) -> bool:
    """Return whether there is a page of this number."""
    return bool(await tx.value("select exists (select from page where id = $1)", page_id))
