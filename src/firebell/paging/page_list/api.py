"""The list of pages and bulk actions over JSON."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Instant,
    Limit,
    Name,
    StrictInt,
    Text,
    link_next,
    problems,
)
from firebell.paging import queries
from firebell.paging.api import PageShown, Reader, page_fields
from firebell.paging.bulk_actions import LIMIT, BulkAction, Result, act
from firebell.paging.model import OPEN, PageState
from firebell.paging.page_list import filtering
from firebell.paging.page_list import pagination as list_pagination
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may

router = api.router("pages")


class BulkRequest(ApiInput):
    """Pages by reference, and the action for each of them; `minutes` is the length of a snooze."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "ack", "refs": ["PG-7", "PG-8"]}]})

    action: BulkAction
    refs: Annotated[list[Name], Field(min_length=1, max_length=LIMIT)]
    minutes: Annotated[StrictInt, Field(ge=1, le=1440)] = 30


class OutcomeShown(ApiOutput):
    """The outcome for one page; `reason` says why it was not changed, `state` is its state now."""

    ref: str
    result: Result
    reason: str
    state: PageState | None


def _cursor(value: str) -> str:
    if list_pagination.parse(value) is None:
        raise ValueError("Use the cursor from the Link header of the previous response.")
    return value


@router.get("/pages", summary="List pages, unacknowledged first, then newest first")
async def list_pages(
    request: Request,
    response: Response,
    w: Reader,
    limit: Limit = 100,
    before: Annotated[
        Annotated[
            str,
            AfterValidator(_cursor),
            WithJsonSchema(
                {"type": "string", "pattern": list_pagination.PATTERN, "examples": ["waiting:48:1795489200"]}
            ),
        ]
        | None,
        Query(description="continue after the previous response, by the cursor in its Link header"),
    ] = None,
    state: Annotated[list[PageState] | None, Query(description="default: every open state")] = None,
    q: Annotated[Text, Query(description="the beginnings of words in the title", max_length=200)] = "",
    service: Annotated[Text | None, Query(description="slug of a service", examples=["checkout"])] = None,
    team: Annotated[Text | None, Query(description="slug of a team", examples=["payments"])] = None,
    whose: Annotated[
        Literal["me", "my-teams", "all"],
        Query(description="`me`: pages that you acknowledged, and open ones that notified you"),
    ] = "all",
    urgency: Annotated[Literal["high", "low"] | None, Query()] = None,
    since: Annotated[Instant | None, Query(description="pages that began at this instant or later")] = None,
    until: Annotated[Instant | None, Query(description="pages that began before this instant")] = None,
) -> list[PageShown]:
    query = filtering.PageQuery(
        q=q, service=service or "", team=team or "", whose=whose, urgency=urgency or ""
    )
    page_filter = await filtering.resolve(w.tx, query, person_id=w.person_id, since=since, until=until)
    listing = await queries.list_pages(
        w.tx,
        states=state or list(OPEN),
        wanted=page_filter,
        place=list_pagination.parse(before) if before else None,
        limit=limit,
        now=w.now,
    )
    details = await queries.page_details(w.tx, listing.pages, w.now)
    if listing.older:
        link_next(request, response, listing.older, limit)
    return [PageShown.model_validate(page_fields(page)) for page in details]


@router.post(
    "/pages/bulk",
    summary="Acknowledge, snooze, or resolve many pages, each with its own outcome",
    responses=problems(404),
)
async def act_on_pages(
    ctx: Ctx, caller: Annotated[Caller, may(Verb.PAGE_RESPOND)], body: BulkRequest
) -> list[OutcomeShown]:
    page_ids = [parse_ref("PG", ref) for ref in body.refs]
    outcomes = await act(ctx, caller.actor, body.action, page_ids, body.minutes)
    return [OutcomeShown.model_validate(outcome) for outcome in outcomes]
