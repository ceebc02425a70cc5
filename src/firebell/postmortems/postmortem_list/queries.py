"""Read models of the list of all post-mortems, for its page, its API and its file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from firebell.action_items import actions as action_items
from firebell.action_items.completion_rate import Completion
from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.text import clean_text
from firebell.people import actions as people
from firebell.postmortems.document.sections import split
from firebell.postmortems.list_position import PostmortemPosition
from firebell.postmortems.postmortem_list import store
from firebell.postmortems.postmortem_list.document_text import pieces, places, section_texts
from firebell.postmortems.postmortem_list.list_query import (
    PAGE_SIZE,
    RANKED_MAX,
    TEXT_MAX_CHARS,
    PostmortemFilter,
    PostmortemQuery,
    factor_of,
    severity_of,
    state_of,
    year_of,
)
from firebell.postmortems.postmortem_list.store import Tally

ListedDocument = store.ListedDocument
EXCERPT_CHARS = 240
"""Number of characters that are shown of a document that was not searched by words."""
ON_TIME_DAYS = 90
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class PostmortemResult:
    """A document that matches, with the parts of its text that do: (text, True if it matched)."""

    document: ListedDocument
    excerpt: Sequence[tuple[str, bool]]
    places: Sequence[str]
    open_items: int
    items: int

    @property
    def minutes(self) -> int | None:
        """How long the impact lasted, in minutes; None if that is not known."""
        start, end = self.document.impact_start, self.document.impact_end
        return max(0, round((end - start).total_seconds() / 60)) if start and end else None


@dataclass(frozen=True, slots=True)
class PostmortemResults:
    """One screen of results, best first; `total` counts at most 1,000, and `after` is how many came before."""

    results: Sequence[PostmortemResult]
    total: int
    after: int

    @property
    def following(self) -> int | None:
        """How many results come before the next screen, or None."""
        end = self.after + len(self.results)
        return end if self.results and end < self.total else None


@dataclass(frozen=True, slots=True)
class PostmortemLists:
    """The documents of one list, and the numbers of all lists."""

    documents: Sequence[ListedDocument]
    tally: Tally
    on_time: Completion
    """How many of the documents that were published in the last 90 days were on time."""


async def resolve(tx: Tx, query: PostmortemQuery, after: int = 0) -> PostmortemFilter:
    """Return a search with its names resolved.

    Raise `Invalid` for a filter that cannot be, `NotFound` for a service or a team that does not exist.
    """
    return PostmortemFilter(
        text=clean_text(query.q, TEXT_MAX_CHARS, "q"),
        service_id=(await catalog.by_slug(tx, query.service, with_deleted=True)).id
        if query.service
        else None,
        team_id=(await people.team_by_slug(tx, query.team)).id if query.team else None,
        severity=severity_of(query.severity),
        factor=factor_of(query.factor),
        state=state_of(query.state),
        year=year_of(query.year),
        after=after,
    )


async def search(tx: Tx, wanted: PostmortemFilter) -> PostmortemResults:
    """Return one screen of the documents that match and may be read."""
    ranking = await store.search(tx, wanted, await incidents.hidden_ids(tx), PAGE_SIZE)
    return PostmortemResults(await _results(tx, ranking.ids, wanted.text), ranking.total, wanted.after)


async def search_all(tx: Tx, wanted: PostmortemFilter) -> list[PostmortemResult]:
    """Return the best `RANKED_MAX` of the documents that match and may be read."""
    ranking = await store.search(tx, wanted, await incidents.hidden_ids(tx), RANKED_MAX)
    return [
        result
        for start in range(0, len(ranking.ids), PAGE_SIZE)
        for result in await _results(tx, ranking.ids[start : start + PAGE_SIZE], wanted.text)
    ]


async def _results(tx: Tx, ids: Sequence[int], text: str) -> list[PostmortemResult]:
    """Return ranked documents, in the given order, with what matches in them."""
    documents = await store.documents(tx, ids)
    sections = {each: section_texts(split(body)) for each, body in (await store.bodies(tx, ids)).items()}
    texts = {each: " ".join(text for _, text in parts if text) for each, parts in sections.items()}
    excerpts = await store.excerpts(tx, texts, text) if text and texts else {}
    incident_ids = [one.incident_id for one in documents.values() if one.incident_id]
    items = await action_items.of_incidents(tx, incident_ids) if incident_ids else {}
    results: list[PostmortemResult] = []
    for each in ids:
        document = documents[each]
        excerpt = excerpts.get(each) or _beginning(texts[each])
        listed = items.get(document.incident_id or 0, [])
        results.append(
            PostmortemResult(
                document,
                list(pieces(excerpt)),
                places(document.title, sections[each], excerpt),
                sum(item.is_unfinished for item in listed),
                len(listed),
            )
        )
    return results


def _beginning(text: str) -> str:
    return text if len(text) <= EXCERPT_CHARS else f"{text[:EXCERPT_CHARS].rsplit(' ', 1)[0]} …"


@dataclass(frozen=True, slots=True)
class PostmortemPeriod:
    """What a period brought: the documents that are due, those published in it, and the near misses noticed in it."""

    due: Sequence[ListedDocument]
    published: Sequence[ListedDocument]
    near_misses: Sequence[ListedDocument]


async def postmortem_period(
    tx: Tx, start: datetime, end: datetime, due_before: datetime, team_id: int | None, limit: int
) -> PostmortemPeriod:
    """Return what a period brought, as far as it may be read; of a team what touched one of its services."""
    hidden = await incidents.hidden_ids(tx)
    unfinished = [
        one
        for tab in ("due", "review")
        for one in await store.listed_between(tx, tab, _FIRST, due_before, limit, hidden, team_id)
    ]
    published, near_misses = [
        await store.listed_between(tx, tab, start, end, limit, hidden, team_id)
        for tab in ("published", "near-misses")
    ]
    return PostmortemPeriod(
        sorted(unfinished, key=lambda one: (one.due_at, one.id))[:limit], published, near_misses
    )


async def postmortem_lists(
    tx: Tx, tab: str, after: PostmortemPosition | None, limit: int, now: datetime
) -> PostmortemLists:
    """Return a list (due, review, published or near-misses) and the numbers of all, as far as they may be read."""
    hidden = await incidents.hidden_ids(tx)
    kept, published = await store.on_time(tx, now - timedelta(days=ON_TIME_DAYS), hidden)
    return PostmortemLists(
        await store.listed(tx, tab, after, limit, hidden),
        await store.tally(tx, hidden),
        Completion(done=kept, due=published, in_grace=0),
    )
