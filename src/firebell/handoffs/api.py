"""Handoffs over JSON."""

from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query
from pydantic import BeforeValidator, Field, WithJsonSchema

from firebell.handoffs import actions, queries, reminder_lead_time
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PageParams, StrictInt, Text, problems
from firebell.oncall.schedules import queries as oncall
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("handoffs")

HOUR = timedelta(hours=1)

Reader = Annotated[Work, work(Verb.HANDOFF_READ)]
Responder = Annotated[Work, work(Verb.HANDOFF_WRITE)]
Manager = Annotated[Work, work(Verb.HANDOFF_NOTICE_WRITE)]


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


class NewHandoffText(ApiInput):
    """The whole text, and the version it is based on."""

    body: Annotated[Text, Field(max_length=actions.MAX_BODY_CHARS)]
    version: Id


class ReminderLeadTime(ApiInput):
    """How many hours before a shift its person is reminded."""

    hours: Annotated[StrictInt, Field(ge=1, le=reminder_lead_time.MAX_NOTICE_HOURS)]


def _fields(handoff: queries.HandoffDetails) -> dict[str, object]:
    def acks(side: tuple[queries.HandoffAck, ...]) -> list[AckShown]:
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
    w: Reader,
    page: PageParams,
    schedule: Annotated[Text | None, Query(description="only of this schedule")] = None,
) -> list[HandoffShown]:
    ids = [(await oncall.by_slug(w.tx, schedule)).id] if schedule is not None else None
    handoffs = await actions.handoffs(w.tx, schedule_ids=ids, before=page.before, limit=page.limit)
    shown = await queries.details(w.tx, handoffs)
    page.link([d.id for d in handoffs])
    return [HandoffShown.model_validate(_fields(s)) for s in shown]


@router.get("/handoffs/notice", summary="Get how long before a shift people are reminded")
async def get_notice(w: Reader) -> ReminderLeadTime:
    return ReminderLeadTime(hours=(await actions.notice_lead(w.tx)) // HOUR)


@router.put(
    "/handoffs/notice", summary="Set how long before a shift people are reminded (managers and admins)"
)
async def set_notice(w: Manager, body: ReminderLeadTime) -> ReminderLeadTime:
    await reminder_lead_time.change(w.tx, w.actor, body.hours, w.now)
    return body


@router.get("/schedules/{slug}/handoffs/{day}", summary="Get a handoff", responses=problems(404))
async def get_handoff(w: Reader, slug: Text, day: Day) -> HandoffDetail:
    handoff = await actions.of_day(w.tx, await oncall.by_slug(w.tx, slug), day)
    (shown,) = await queries.details(w.tx, [handoff])
    return _detail(shown)


@router.put(
    "/schedules/{slug}/handoffs/{day}",
    summary="Save a handoff; 409 if someone else saved since `version`",
    responses=problems(404, 409),
)
async def save_handoff(w: Responder, slug: Text, day: Day, body: NewHandoffText) -> HandoffDetail:
    schedule = await oncall.by_slug(w.tx, slug)
    await actions.save(w.tx, w.actor, schedule, day, body.body, body.version, w.now)
    (shown,) = await queries.details(w.tx, [await actions.of_day(w.tx, schedule, day)])
    return _detail(shown)


@router.post(
    "/schedules/{slug}/handoffs/{day}/ack",
    summary="Acknowledge a handoff as an outgoing or incoming person; idempotent",
    responses=problems(404),
)
async def acknowledge_handoff(w: Responder, slug: Text, day: Day) -> HandoffDetail:
    schedule = await oncall.by_slug(w.tx, slug)
    person = await people.person(w.tx, w.person_id)
    handoff = await actions.acknowledge(w.tx, w.actor, schedule, day, person, w.now)
    (shown,) = await queries.details(w.tx, [handoff])
    return _detail(shown)
