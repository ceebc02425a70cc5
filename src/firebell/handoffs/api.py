"""Handoffs over JSON."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, WithJsonSchema

from firebell.handoffs import actions, lead_time, queries
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Ctx, Id, PageParams, StrictInt, Text, problems
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.access import Caller, may
from firebell.people.permissions import Verb

router = api.router("handoffs")

HOUR = timedelta(hours=1)

Reader = Annotated[Caller, may(Verb.HANDOFF_READ)]
Responder = Annotated[Caller, may(Verb.HANDOFF_WRITE)]
Manager = Annotated[Caller, may(Verb.HANDOFF_NOTICE_WRITE)]


def _day(value: object) -> date:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else date.min
    except ValueError:
        raise ValueError("Enter a date such as 2026-11-30.") from None


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-30"]}),
]
"""A day in the schedule's time zone."""


class AckShown(ApiOutput):
    """An outgoing or incoming person, and when they acknowledged."""

    id: int
    name: str
    acknowledged_at: datetime | None


class HandoffShown(ApiOutput):
    """A handoff without its text; `acknowledged` once someone on both sides has acknowledged it."""

    id: int
    schedule: str
    day: date
    at: datetime
    shift_start: datetime
    leaving: list[AckShown]
    entering: list[AckShown]
    acknowledged: bool
    edited: bool
    version: int
    updated_at: datetime


class HandoffDetail(HandoffShown):
    """A handoff with its Markdown text."""

    body: str


class NewBody(ApiInput):
    """The whole text, and the version it is based on."""

    body: Annotated[Text, Field(max_length=actions.MAX_BODY_CHARS)]
    version: Id


class Notice(ApiInput):
    """How many hours before a shift its person is reminded."""

    hours: Annotated[StrictInt, Field(ge=1, le=lead_time.MAX_NOTICE_HOURS)]


def _fields(handoff: queries.HandoffDetails) -> dict[str, object]:
    def acks(side: tuple[queries.Ack, ...]) -> list[AckShown]:
        return [AckShown(id=a.person.id, name=a.person.name, acknowledged_at=a.at) for a in side]

    doc = handoff.doc
    return {
        "id": doc.id,
        "schedule": handoff.schedule.slug,
        "day": doc.day,
        "at": doc.at,
        "shift_start": doc.shift_start,
        "leaving": acks(handoff.leaving),
        "entering": acks(handoff.entering),
        "acknowledged": handoff.complete,
        "edited": doc.edited,
        "version": doc.version,
        "updated_at": doc.updated_at,
    }


def _detail(handoff: queries.HandoffDetails) -> HandoffDetail:
    return HandoffDetail.model_validate({**_fields(handoff), "body": handoff.doc.body})


@router.get("/handoffs", summary="List handoffs, newest first", responses=problems(404))
async def list_handoffs(
    ctx: Ctx,
    caller: Reader,
    page: PageParams,
    schedule: Annotated[Text | None, Query(description="only of this schedule")] = None,
) -> list[HandoffShown]:
    async with ctx.db.tx() as tx:
        ids = [(await oncall.by_slug(tx, schedule)).id] if schedule is not None else None
        handoffs = await actions.handoffs(tx, schedule_ids=ids, before=page.before, limit=page.limit)
        shown = await queries.details(tx, handoffs)
    page.link([d.id for d in handoffs])
    return [HandoffShown.model_validate(_fields(s)) for s in shown]


@router.get("/handoffs/notice", summary="Get how long before a shift people are reminded")
async def get_notice(ctx: Ctx, caller: Reader) -> Notice:
    async with ctx.db.tx() as tx:
        return Notice(hours=(await actions.notice_lead(tx)) // HOUR)


@router.put(
    "/handoffs/notice", summary="Set how long before a shift people are reminded (managers and admins)"
)
async def set_notice(ctx: Ctx, caller: Manager, given: Notice) -> Notice:
    async with ctx.db.tx() as tx:
        await lead_time.change(tx, caller.actor, given.hours, ctx.clock.now())
    return given


@router.get("/schedules/{slug}/handoffs/{day}", summary="Get a handoff", responses=problems(404))
async def get_handoff(ctx: Ctx, caller: Reader, slug: Text, day: Day) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        handoff = await actions.of_day(tx, await oncall.by_slug(tx, slug), day)
        (shown,) = await queries.details(tx, [handoff])
    return _detail(shown)


@router.put(
    "/schedules/{slug}/handoffs/{day}",
    summary="Save a handoff; 409 if someone else saved since `version`",
    responses=problems(404, 409),
)
async def save_handoff(ctx: Ctx, caller: Responder, slug: Text, day: Day, given: NewBody) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, slug)
        await actions.save(tx, caller.actor, schedule, day, given.body, given.version, ctx.clock.now())
        (shown,) = await queries.details(tx, [await actions.of_day(tx, schedule, day)])
    return _detail(shown)


@router.post(
    "/schedules/{slug}/handoffs/{day}/ack",
    summary="Acknowledge a handoff as an outgoing or incoming person; idempotent",
    responses=problems(404),
)
async def acknowledge_handoff(ctx: Ctx, caller: Responder, slug: Text, day: Day) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, slug)
        person = await people.person(tx, caller.person_id)
        handoff = await actions.acknowledge(tx, caller.actor, schedule, day, person, ctx.clock.now())
        (shown,) = await queries.details(tx, [handoff])
    return _detail(shown)
