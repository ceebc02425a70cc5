"""The SQL of the list of post-mortems: searches, tabs, and their numbers. Visibility is part of each statement."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firebell.kit.db.database import Tx
from firebell.kit.search_terms import fold
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.postmortem_list.document_text import MARK_END, MARK_START
from firebell.postmortems.postmortem_list.list_query import RANKED_MAX, PostmortemFilter

COUNTED_MAX = 1_000
_HEADLINE = f"StartSel={MARK_START},StopSel={MARK_END},MaxFragments=2,MaxWords=26,MinWords=10"


@dataclass(frozen=True, slots=True)
class ListedDocument:
    """A document in a list; of a near miss, `near_miss` is its number and the severity is what it could have been."""

    id: int
    incident_id: int | None
    near_miss: int | None
    kind: str
    state: str
    title: str
    severity: int
    happened_at: datetime
    impact_start: datetime | None
    impact_end: datetime | None
    due_at: datetime
    published_at: datetime | None
    author_id: int | None
    version: int
    published_version: int | None
    factors: list[str]

    @property
    def ref(self) -> str:
        """The reference of the incident or of the near miss."""
        return f"NM-{self.near_miss}" if self.near_miss else f"INC-{self.incident_id}"

    @property
    def href(self) -> str:
        """The address of the document."""
        return f"/near-misses/{self.ref}" if self.near_miss else f"/post-mortems/{self.ref}"


@dataclass(frozen=True, slots=True)
class Ranking:
    """The ids of matches in order; `total` counts up to `RANKED_MAX` of them."""

    ids: list[int]
    total: int


@dataclass(frozen=True, slots=True)
class Tally:
    """How many documents each list has, up to `COUNTED_MAX`."""

    due: int
    review: int
    published: int
    near_misses: int


@dataclass(frozen=True, slots=True)
class _Words:
    """What a search looks for, and the documents that can match; with a phrase, those that have its words anywhere."""

    query: str
    candidates: list[int]
    is_phrase: bool


_FOLLOWED_BY = re.compile(r" <(?:-|\d+)> ")
_HAS_PHRASE = """(
                select search.words @@ {query}
                from postmortem_search search
                where search.postmortem_id = chosen.postmortem_id
            )"""


class _Conditions:
    """The conditions of a search and their values."""

    def __init__(self, wanted: PostmortemFilter, words: "_Words | None", hidden: Sequence[int]) -> None:
        self.values: list[object] = []
        self.parts: list[str] = []
        self.query = ""
        self.candidates = ""
        if words:
            self.query = f"{self.add(words.query)}::text::tsquery"
            ids = self.add(words.candidates)
            self.candidates = f"""
            join unnest({ids}::bigint[]) candidate (id) on candidate.id = search.postmortem_id"""
        if hidden:
            self.parts.append(self._not_hidden(hidden))
        if wanted.factor:
            self.parts.append(f"search.factors @> array[{self.add(wanted.factor)}]::text[]")
        if wanted.state:
            self.parts.append(f"postmortem.state = {self.add(wanted.state)}")
        if wanted.severity is not None:
            severity = self.add(wanted.severity)
            self.parts.append(
                f"(incident.max_severity = {severity} or near_miss.potential_severity = {severity})"
            )
        if wanted.year:
            year = self.add(wanted.year)
            begin = f"make_timestamptz({year}::int, 1, 1, 0, 0, 0, 'UTC')"
            end = f"make_timestamptz({year}::int + 1, 1, 1, 0, 0, 0, 'UTC')"
            in_year = [
                f"({happened} >= {begin} and {happened} < {end})"
                for happened in ("incident.declared_at", "near_miss.noticed_at")
            ]
            self.parts.append(f"({' or '.join(in_year)})")
        for column, value in (("id", wanted.service_id), ("team_id", wanted.team_id)):
            if value is not None:
                self.parts.append(self.of_service(column, self.add(value)))

    def add(self, value: object) -> str:
        """Append a value and return its placeholder."""
        self.values.append(value)
        return f"${len(self.values)}"

    def _not_hidden(self, hidden: Sequence[int]) -> str:
        return f"""postmortem.id not in (
                select postmortem_id
                from postmortem_incident
                where incident_id = any({self.add(list(hidden))}::bigint[])
            )"""

    @staticmethod
    def of_service(column: str, value: str) -> str:
        return f"""postmortem.id in (
                select about.postmortem_id
                from postmortem_incident about
                join incident_service affected on affected.incident_id = about.incident_id
                join service on service.id = affected.service_id
                where service.{column} = {value}
                union all
                select near_miss.postmortem_id
                from service
                join near_miss on near_miss.service_ids @> array[service.id]
                where service.{column} = {value}
            )"""

    @property
    def where(self) -> str:
        """The conditions as one clause."""
        return " and ".join(self.parts) or "true"


# The limit keeps the planner from reading all incidents for a page of documents.
_LISTED_FROM = """
    select
        postmortem.id,
        postmortem.incident_id,
        near_miss.id as near_miss,
        postmortem.kind,
        postmortem.state,
        coalesce(near_miss.title, incident.title, '') as title,
        coalesce(near_miss.potential_severity, incident.max_severity, 3) as severity,
        coalesce(near_miss.noticed_at, incident.declared_at, postmortem.created_at) as happened_at,
        incident.impact_start,
        incident.impact_end,
        postmortem.due_at,
        postmortem.published_at,
        postmortem.author_id,
        postmortem.version,
        postmortem.published_version,
        coalesce(search.factors, '{{}}') as factors
    from {source}
    left join lateral (
        select title, max_severity, declared_at, impact_start, impact_end
        from incident
        where incident.id = postmortem.incident_id
        limit 1
    ) incident on true
    left join near_miss on near_miss.postmortem_id = postmortem.id
    left join postmortem_search search on search.postmortem_id = postmortem.id
"""
_LISTED = _LISTED_FROM.format(source="postmortem")


async def search(tx: Tx, wanted: PostmortemFilter, hidden: Sequence[int], limit: int) -> Ranking:
    """Return the documents that match, best first; of more than `RANKED_MAX` only the newest are ranked."""
    # a generic plan is slow: the best one depends on how common the words are
    await tx.execute("set local plan_cache_mode = force_custom_plan")
    words = await _words(tx, wanted.text) if wanted.text else None
    conditions = _Conditions(wanted, words, hidden)
    rank = f"ts_rank(search.words, {conditions.query}) desc," if words else ""
    exactly, first = "", f"limit {RANKED_MAX}"
    if words and words.is_phrase:
        # documents are read one by one, newest first, until there are enough
        exactly, first = f"where {_HAS_PHRASE.format(query=conditions.query)}", ""
    rows = await tx.fetch(
        f"""
        with chosen as materialized (
            select search.postmortem_id
            from postmortem_search search
            {conditions.candidates}
            join postmortem on postmortem.id = search.postmortem_id
            left join incident on incident.id = postmortem.incident_id
            left join near_miss on near_miss.postmortem_id = postmortem.id
            where {conditions.where}
            order by search.postmortem_id desc
            {first}
        ),
        matching as materialized (
            select chosen.postmortem_id
            from chosen
            {exactly}
            order by chosen.postmortem_id desc
            limit {RANKED_MAX}
        )
        select search.postmortem_id, count(*) over () as total
        from matching
        join postmortem_search search on search.postmortem_id = matching.postmortem_id
        order by {rank} search.postmortem_id desc
        limit {limit}
        offset {conditions.add(wanted.after)}
        """,
        *conditions.values,
    )
    return Ranking([row["postmortem_id"] for row in rows], rows[0]["total"] if rows else 0)


async def _words(tx: Tx, text: str) -> _Words:
    """Return the documents that have all words of a search.

    Only the index is read: the words of a document are 16 kB, and to read them takes 9 µs. The planner does not know
    that, and would read those of all documents for common words.
    """
    query: str = await tx.value(
        """
        select (websearch_to_tsquery('english', $1) || websearch_to_tsquery('simple', $2))::text
        from (select set_config('enable_seqscan', 'off', true), set_config('enable_indexscan', 'off', true)) planned
        """,
        text,
        fold(text),
    )
    is_phrase = "!" not in query and _FOLLOWED_BY.search(query) is not None
    rows = await tx.fetch(
        """
        select postmortem_id
        from postmortem_search
        where words @@ $1::text::tsquery
        """,
        _FOLLOWED_BY.sub(" & ", query) if is_phrase else query,
    )
    await tx.execute(
        "select set_config('enable_seqscan', 'on', true), set_config('enable_indexscan', 'on', true)"
    )
    return _Words(query, [row["postmortem_id"] for row in rows], is_phrase)


async def documents(tx: Tx, ids: Sequence[int]) -> dict[int, ListedDocument]:
    """Return documents by id."""
    rows = await tx.fetch(f"{_LISTED} where postmortem.id = any($1::bigint[])", list(ids))
    return {row["id"]: ListedDocument(**dict(row)) for row in rows}


async def bodies(tx: Tx, ids: Sequence[int]) -> dict[int, str]:
    """Return the texts of documents by id."""
    rows = await tx.fetch("select id, body from postmortem where id = any($1::bigint[])", list(ids))
    return {row["id"]: row["body"] for row in rows}


async def excerpts(tx: Tx, texts: dict[int, str], text: str) -> dict[int, str]:
    """Return the parts of plain texts that match a search, with the words marked, by document id."""
    rows = await tx.fetch(
        """
        select
            shown.id,
            ts_headline(
                search.language::regconfig,
                shown.text,
                websearch_to_tsquery('english', $3) || websearch_to_tsquery('simple', $4),
                $5
            ) as excerpt
        from unnest($1::bigint[], $2::text[]) shown (id, text)
        join postmortem_search search on search.postmortem_id = shown.id
        """,
        list(texts),
        list(texts.values()),
        text,
        fold(text),
        _HEADLINE,
    )
    return {row["id"]: row["excerpt"] for row in rows}


_TABS = {
    "due": ("state = 'draft' and kind <> 'near_miss'", "due_at", False),
    "review": ("state = any(array['review', 'approved']) and kind <> 'near_miss'", "due_at", False),
    "published": ("state = 'published' and kind <> 'near_miss'", "published_at", True),
}


def _list_of(tab: str, condition: str, hidden: str) -> str:
    """Return the statement for the first $1 documents of a list that meet a condition; `hidden` are incident ids."""
    is_listed, column, latest_first = _TABS[tab]
    direction = "desc" if latest_first else "asc"
    return f"""
        with chosen as materialized (
            select
                id, incident_id, kind, state, due_at, created_at, published_at, author_id, version,
                published_version
            from postmortem
            where {is_listed}
                and not exists (
                    select
                    from postmortem_incident about
                    where about.postmortem_id = postmortem.id
                        and about.incident_id = any({hidden}::bigint[])
                )
                {condition}
            order by {column} {direction}, id {direction}
            limit $1
        )
        {_LISTED_FROM.format(source="chosen postmortem")}
        order by postmortem.{column} {direction}, postmortem.id {direction}
        """


async def listed(
    tx: Tx, tab: str, after: PostmortemPosition | None, limit: int, hidden: Sequence[int]
) -> list[ListedDocument]:
    """Return the documents of a list: those to write by their due time, published ones and near misses latest first."""
    if tab == "near-misses":
        return await _near_misses(tx, after, limit)
    _, column, latest_first = _TABS[tab]
    place = f"and ({column}, id) {'<' if latest_first else '>'} ($3, $4)" if after else ""
    rows = await tx.fetch(
        _list_of(tab, place, "$2"), limit, list(hidden), *((after.at, after.id) if after else ())
    )
    return [ListedDocument(**dict(row)) for row in rows]


async def listed_between(
    tx: Tx,
    tab: str,
    start: datetime,
    end: datetime,
    limit: int,
    hidden: Sequence[int],
    team_id: int | None,
) -> list[ListedDocument]:
    """Return the documents of a list that were due, published or noticed in `[start, end)`, in its order.

    Those of a team are about incidents or near misses that touched one of its services.
    """
    team = f"and {_Conditions.of_service('team_id', '$4')}" if team_id is not None else ""
    values: list[object] = [limit, start, end, *([] if team_id is None else [team_id])]
    if tab == "near-misses":
        statement = f"""
        {_LISTED}
        where near_miss.noticed_at >= $2
            and near_miss.noticed_at < $3
            {team}
        order by near_miss.noticed_at desc, near_miss.id desc
        limit $1
        """
    else:
        column = _TABS[tab][1]
        values.append(list(hidden))
        statement = _list_of(tab, f"and {column} >= $2 and {column} < $3 {team}", f"${len(values)}")
    return [ListedDocument(**dict(row)) for row in await tx.fetch(statement, *values)]


async def _near_misses(tx: Tx, after: PostmortemPosition | None, limit: int) -> list[ListedDocument]:
    """Return near misses; everyone may read them, because they are about no incident."""
    rows = await tx.fetch(
        f"""
        {_LISTED}
        where near_miss.id is not null
            {"and (near_miss.noticed_at, near_miss.id) < ($2, $3)" if after else ""}
        order by near_miss.noticed_at desc, near_miss.id desc
        limit $1
        """,
        limit,
        *((after.at, after.id) if after else ()),
    )
    return [ListedDocument(**dict(row)) for row in rows]


async def tally(tx: Tx, hidden: Sequence[int]) -> Tally:
    """Return how many documents each list has, counted in its order, so that its index is read and not the table."""
    counts = ",\n".join(
        f"""(
            select count(*)
            from (
                select
                from postmortem
                where {condition}
                    and not exists (
                        select
                        from postmortem_incident about
                        where about.postmortem_id = postmortem.id
                            and about.incident_id = any($1::bigint[])
                    )
                order by {column} {"desc" if latest_first else "asc"}, id {"desc" if latest_first else "asc"}
                limit {COUNTED_MAX}
            ) counted
        ) as {tab}"""
        for tab, (condition, column, latest_first) in _TABS.items()
    )
    row = await tx.row(
        f"""
        select
            {counts},
            (select count(*) from (select from near_miss limit {COUNTED_MAX}) counted) as near_misses
        """,
        list(hidden),
    )
    assert row
    return Tally(**dict(row))


async def on_time(tx: Tx, since: datetime, hidden: Sequence[int]) -> tuple[int, int]:
    """Return how many documents that were first published after an instant were on time, and how many there were."""
    # none was first published after its last publication, for which there is an index
    row = await tx.row(
        """
        select count(*) filter (where first_published_at <= due_at) as kept, count(*) as total
        from postmortem
        where state = 'published'
            and kind <> 'near_miss'
            and published_at > $1
            and first_published_at > $1
            and not exists (
                select
                from postmortem_incident about
                where about.postmortem_id = postmortem.id
                    and about.incident_id = any($2::bigint[])
            )
        """,
        since,
        list(hidden),
    )
    assert row
    return row["kept"], row["total"]
