"""Handoffs over JSON."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, WithJsonSchema

from firebell.handoffs import actions, lead_time, queries
from firebell.kit import api
from firebell.kit.api import ApiInput, ApiOutput, Ctx, Id, PageParams, StrictInt, Text, problems
from firebell.oncall import actions as oncall
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
        raise ValueError("This is not a day; use 2026-11-30.") from None


Day = Annotated[
    date,
    BeforeValidator(_day),
    WithJsonSchema({"type": "string", "format": "date", "examples": ["2026-11-30"]}),
]
"""A local day of the schedule's clock."""


class AckShown(ApiOutput):
    """Who leaves or enters, and when they acknowledged."""

    id: int
    name: str
    acknowledged_at: datetime | None


class HandoffShown(ApiOutput):
    """A handoff without its text; `acknowledged` once somebody of both sides has."""

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
    """A handoff with its Markdown."""

    body: str


class NewBody(ApiInput):
    """The whole text, and the version that it was made from."""

    body: Annotated[Text, Field(max_length=actions.BODY)]
    version: Id


class Notice(ApiInput):
    """How many hours before a shift its person is told."""

    hours: Annotated[StrictInt, Field(ge=1, le=lead_time.MOST)]


def _fields(found: queries.HandoffDetails) -> dict[str, object]:
    def people_(side: tuple[queries.Ack, ...]) -> list[AckShown]:
        return [AckShown(id=a.person.id, name=a.person.name, acknowledged_at=a.at) for a in side]

    doc = found.doc
    return {
        "id": doc.id,
        "schedule": found.schedule.slug,
        "day": doc.day,
        "at": doc.at,
        "shift_start": doc.shift_start,
        "leaving": people_(found.leaving),
        "entering": people_(found.entering),
        "acknowledged": found.complete,
        "edited": doc.edited,
        "version": doc.version,
        "updated_at": doc.updated_at,
    }


def _detail(found: queries.HandoffDetails) -> HandoffDetail:
    return HandoffDetail.model_validate({**_fields(found), "body": found.doc.body})


@router.get("/handoffs", summary="Handoffs, the newest first", responses=problems(404))
async def list_handoffs(
    ctx: Ctx,
    caller: Reader,
    stretch: PageParams,
    schedule: Annotated[Text | None, Query(description="of this schedule alone")] = None,
) -> list[HandoffShown]:
    async with ctx.db.tx() as tx:
        ids = [int((await oncall.by_slug(tx, schedule)).id)] if schedule is not None else None
        handoffs = await actions.handoffs(tx, schedule_ids=ids, before=stretch.before, limit=stretch.limit)
        shown = await queries.seen(tx, handoffs)
    stretch.link([d.id for d in handoffs])
    return [HandoffShown.model_validate(_fields(s)) for s in shown]


@router.get("/handoffs/notice", summary="How long before a shift its person is told")
async def get_notice(ctx: Ctx, caller: Reader) -> Notice:
    async with ctx.db.tx() as tx:
        return Notice(hours=(await actions.notice(tx)) // HOUR)


@router.put(
    "/handoffs/notice", summary="Set how long before a shift its person is told (managers and admins)"
)
async def set_notice(ctx: Ctx, caller: Manager, given: Notice) -> Notice:
    async with ctx.db.tx() as tx:
        await lead_time.change(tx, caller.actor, given.hours, ctx.clock.now())
    return given


@router.get("/schedules/{slug}/handoffs/{day}", summary="One handoff", responses=problems(404))
async def get_handoff(ctx: Ctx, caller: Reader, slug: Text, day: Day) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        handoff = await actions.of_day(tx, await oncall.by_slug(tx, slug), day)
        (shown,) = await queries.seen(tx, [handoff])
    return _detail(shown)


@router.put(
    "/schedules/{slug}/handoffs/{day}",
    summary="Save the text; 409 when somebody else saved since `version`",
    responses=problems(404, 409),
)
async def save_handoff(ctx: Ctx, caller: Responder, slug: Text, day: Day, given: NewBody) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, slug)
        await actions.save(tx, caller.actor, schedule, day, given.body, given.version, ctx.clock.now())
        (shown,) = await queries.seen(tx, [await actions.of_day(tx, schedule, day)])
    return _detail(shown)


@router.post(
    "/schedules/{slug}/handoffs/{day}/ack",
    summary="Acknowledge, as who leaves or who enters; a second time changes nothing",
    responses=problems(404),
)
async def acknowledge_handoff(ctx: Ctx, caller: Responder, slug: Text, day: Day) -> HandoffDetail:
    async with ctx.db.tx() as tx:
        schedule = await oncall.by_slug(tx, slug)
        person = await people.person(tx, caller.person_id)
        handoff = await actions.acknowledge(tx, caller.actor, schedule, day, person, ctx.clock.now())
        (shown,) = await queries.seen(tx, [handoff])
    return _detail(shown)
