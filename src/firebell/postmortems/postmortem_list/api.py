"""The API that searches all post-mortems and near misses."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work
from firebell.postmortems.postmortem_list import queries
from firebell.postmortems.postmortem_list.list_query import (
    PAGE_SIZE,
    RANKED_MAX,
    TEXT_MAX_CHARS,
    PostmortemQuery,
)

router = api.router("post-mortems", "/post-mortems")


class ExcerptPart(ApiOutput):
    """A part of an excerpt."""

    text: str
    matched: bool


class PostmortemMatch(ApiOutput):
    """A post-mortem or near miss that matches, with the parts of its text that do."""

    ref: Annotated[str, Field(examples=["INC-198", "NM-4"])]
    kind: str
    title: str
    severity: Annotated[str, Field(description="of a near miss: what it could have been")]
    state: str
    happened_at: datetime
    published_at: datetime | None
    minutes: Annotated[int | None, Field(description="length of the impact; null if not known")]
    factors: list[str]
    open_action_items: int
    places: Annotated[list[str], Field(examples=[["Title", "Root cause"]])]
    excerpt: list[ExcerptPart]


class PostmortemMatches(ApiOutput):
    """Results, best first."""

    total: Annotated[int, Field(description=f"up to {RANKED_MAX:,}")]
    next_after: Annotated[int | None, Field(description="`after` of the next page; null on the last one")]
    results: list[PostmortemMatch]


@router.get(
    "/search",
    summary=f"Search post-mortems and near misses, {PAGE_SIZE} results at a time",
    responses=problems(404, 422),
)
async def search_postmortems(
    w: Annotated[Work, work(Verb.POSTMORTEM_READ)],
    q: Annotated[
        Text,
        Query(description='words, "a phrase", or, -without', max_length=TEXT_MAX_CHARS, examples=["pool"]),
    ] = "",
    service: Annotated[Text, Query(description="slug of a service", max_length=200)] = "",
    team: Annotated[Text, Query(description="slug of a team", max_length=200)] = "",
    severity: Annotated[Text, Query(max_length=10, examples=["SEV1"])] = "",
    factor: Annotated[Text, Query(max_length=100, examples=["latent.guard"])] = "",
    state: Annotated[Text, Query(max_length=20, examples=["published"])] = "",
    year: Annotated[Text, Query(max_length=4, examples=["2026"])] = "",
    after: Annotated[int, Query(ge=0, le=RANKED_MAX)] = 0,
) -> PostmortemMatches:
    query = PostmortemQuery(q, service, team, severity, factor, state, year)
    matches = await queries.search(w.tx, await queries.resolve(w.tx, query, after))
    return PostmortemMatches(
        total=matches.total,
        next_after=matches.following,
        results=[
            PostmortemMatch(
                ref=one.document.ref,
                kind=one.document.kind,
                title=one.document.title,
                severity=f"SEV{one.document.severity}",
                state=one.document.state,
                happened_at=one.document.happened_at,
                published_at=one.document.published_at,
                minutes=one.minutes,
                factors=one.document.factors,
                open_action_items=one.open_items,
                places=list(one.places),
                excerpt=[ExcerptPart(text=text, matched=matched) for text, matched in one.excerpt],
            )
            for one in matches.results
        ],
    )
