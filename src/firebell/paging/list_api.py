"""The list of pages over JSON, and one verb for many pages."""

from typing import Annotated, Literal

from fastapi import Query, Request, Response
from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema

from firebell.kit import api
from firebell.kit.api import (
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
from firebell.kit.refs import parse_ref
from firebell.paging import filtering, page_list, queries
from firebell.paging.api import PageShown, Reader, Responder, page_fields
from firebell.paging.bulk import LIMIT, BulkAction, Result, act
from firebell.paging.model import OPEN, PageState

router = api.router("pages")


class BulkRequest(ApiInput):
    """Pages by reference, and what to do with each of them; `minutes` is how long a snooze lasts."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "ack", "refs": ["PG-7", "PG-8"]}]})

    action: BulkAction
    refs: Annotated[list[Name], Field(min_length=1, max_length=LIMIT)]
    minutes: Annotated[StrictInt, Field(ge=1, le=1440)] = 30


class OutcomeShown(ApiOutput):
    """What became of one page; `reason` says why it was not changed, `state` is where it stands now."""

    ref: str
    result: Result
    reason: str
    state: PageState | None


def _cursor(value: str) -> str:
    if page_list.parse(value) is None:
        raise ValueError("Use the cursor from the Link header of the answer before.")
    return value


@router.get("/pages", summary="Pages, the waiting ones first, then the newest")
async def list_pages(
    request: Request,
    response: Response,
    ctx: Ctx,
    caller: Reader,
    limit: Limit = 100,
    before: Annotated[
        Annotated[
            str,
            AfterValidator(_cursor),
            WithJsonSchema(
                {"type": "string", "pattern": page_list.PATTERN, "examples": ["waiting:48:1795489200"]}
            ),
        ]
        | None,
        Query(description="go on where an answer ended, by the cursor in its Link header"),
    ] = None,
    state: Annotated[list[PageState] | None, Query(description="default: every open state")] = None,
    q: Annotated[Text, Query(description="words that the title has, each of them", max_length=200)] = "",
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
    query = filtering.PageQuery(q, service or "", team or "", whose, urgency or "")
    async with ctx.db.tx() as tx:
        wanted = await filtering.resolve(tx, query, person_id=caller.person_id, since=since, until=until)
        listed = await queries.list_pages(
            tx,
            states=state or list(OPEN),
            wanted=wanted,
            place=page_list.parse(before) if before else None,
            limit=limit,
            now=ctx.clock.now(),
        )
        seen = await queries.page_details(tx, listed.pages, ctx.clock.now())
    if listed.older:
        link_next(request, response, listed.older, limit)
    return [PageShown.model_validate(page_fields(v)) for v in seen]


@router.post(
    "/pages/bulk",
    summary="Acknowledge, snooze or resolve many pages; each has an outcome of its own",
    responses=problems(404),
)
async def act_on_pages(ctx: Ctx, caller: Responder, given: BulkRequest) -> list[OutcomeShown]:
    page_ids = [parse_ref("PG", ref) for ref in given.refs]
    outcomes = await act(ctx, caller.actor, given.action, page_ids, given.minutes)
    return [OutcomeShown.model_validate(outcome) for outcome in outcomes]
