"""Calendars over JSON."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    PathId,
    Removed,
    Text,
    problems,
    removed,
)
from firebell.oncall.calendars import actions
from firebell.oncall.calendars.model import Feed, FeedKind, Import, ImportSource, LayerPlace, Use
from firebell.oncall.schedules import queries as oncall
from firebell.people import permissions
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("calendars")

Reader = Annotated[Work, work(Verb.SCHEDULE_READ)]
Responder = Annotated[Work, work(Verb.CALENDAR_WRITE)]
OwnReader = Annotated[Work, work(Verb.OWN_CALENDAR_READ)]
Owner = Annotated[Work, work(Verb.OWN_CALENDAR_WRITE)]
Short = Annotated[Text, Field(max_length=120)]


class FeedShown(ApiOutput):
    """A feed; its address is shown once, when it is created."""

    id: int
    kind: FeedKind
    subject_id: int
    name: str
    created_at: datetime
    last_used_at: datetime | None


class FeedMade(FeedShown):
    """A new feed with its address. It needs no key: anyone who has it can read the shifts."""

    url: str


class NewFeed(ApiInput):
    """The shifts to show: mine, those of a schedule, or those of all schedules of a team."""

    kind: FeedKind = FeedKind.PERSON
    schedule: Annotated[Short, Field(description="with kind schedule: its slug")] = ""
    team_id: Annotated[Id | None, Field(description="with kind team")] = None


class StrayShown(ApiOutput):
    """A shift that matches no one here (S-ICAL-USER)."""

    start: datetime
    end: datetime
    title: str


class ImportShown(ApiOutput):
    """An imported calendar, without its address, which may be secret.

    `stale` (S-ICAL-STALE): every fetch failed for six hours; the last good copy stays in use. `shifts` counts
    its coming shifts, busy times or names.
    """

    id: int
    name: str
    use: Use
    place: LayerPlace
    source: ImportSource
    host: str
    country: str
    subdivision: str
    people: list[int]
    good_at: datetime | None
    failing_since: datetime | None
    stale: bool
    error: str
    shifts: int
    notes: list[str]
    unmatched: list[StrayShown]


class NewImport(ApiInput):
    """A calendar to import: an address, iCalendar text, or the public holidays of a country."""

    use: Annotated[
        Literal["layer", "override", "names"],
        Field(
            description="layer: at its place among the rotations; override: above every layer; names: no shifts"
        ),
    ] = "layer"
    place: Annotated[
        LayerPlace,
        Field(description="with use layer: above the rotations, or below, where they have no one on call"),
    ] = LayerPlace.ABOVE
    name: Short = ""
    url: Annotated[Text, Field(max_length=2000)] = ""
    text: Annotated[Text, Field(max_length=4_000_000)] = ""
    country: Annotated[Text, Field(max_length=10, examples=["DE"])] = ""
    subdivision: Annotated[Text, Field(max_length=10, examples=["BE"])] = ""
    people: Annotated[
        list[Id], Field(max_length=20, description="with use layer: who is on call on public holidays")
    ] = []  # noqa: RUF012 - pydantic copies it


class Placed(ApiInput):
    """The new place of an imported layer: above or below the rotations of its schedule."""

    place: LayerPlace


class NewBusy(ApiInput):
    """A personal calendar to add."""

    name: Short = ""
    url: Annotated[Text, Field(max_length=2000)] = ""
    text: Annotated[Text, Field(max_length=4_000_000)] = ""


class ConflictShown(ApiOutput):
    """Someone is on call while busy (S-BUSY); what they are busy with is private."""

    person_id: int
    schedule: str
    start: datetime
    end: datetime


class HolidayShown(ApiOutput):
    """A public holiday; `people` are on call then, if any."""

    start: datetime
    end: datetime
    name: str
    people: list[int]


def _own_only(caller: Caller) -> bool:
    """Return True if the caller may only change their own calendars."""
    return not permissions.allows(caller.rights, Verb.CALENDAR_WRITE)


def _feed(feed: Feed) -> FeedShown:
    return FeedShown.model_validate(feed)


async def _imports(tx: Tx, imports: Sequence[Import], now: datetime) -> list[ImportShown]:
    shifts = await actions.shift_counts(tx, [i.id for i in imports], now)
    return [_import(i, shifts.get(i.id, 0), now) for i in imports]


def _import(calendar: Import, shifts: int, now: datetime) -> ImportShown:
    return ImportShown(
        id=calendar.id,
        name=calendar.name,
        use=calendar.use,
        place=calendar.place,
        source=calendar.source,
        host=calendar.host,
        country=calendar.country,
        subdivision=calendar.subdivision,
        people=list(calendar.users),
        good_at=calendar.good_at,
        failing_since=calendar.failing_since,
        stale=calendar.stale(now),
        error=calendar.error,
        shifts=shifts,
        notes=list(calendar.notes),
        unmatched=[StrayShown.model_validate(s) for s in calendar.unmatched],
    )


@router.get("/calendar-feeds", summary="List my feeds, newest first")
async def list_feeds(w: OwnReader) -> list[FeedShown]:
    return [_feed(f) for f in await actions.feeds(w.tx, w.person_id)]


@router.post(
    "/calendar-feeds",
    status_code=201,
    summary="Create a feed; its address is shown once",
    responses=problems(404, 409),
)
async def create_feed(w: Owner, body: NewFeed) -> FeedMade:
    match body.kind:
        case FeedKind.PERSON:
            subject = w.person_id
        case FeedKind.SCHEDULE:
            subject = (await oncall.by_slug(w.tx, body.schedule)).id
        case FeedKind.TEAM:
            subject = body.team_id or 0
    feed, token = await actions.create_feed(
        w.tx,
        w.actor,
        kind=body.kind,
        subject_id=subject,
        made_by=w.person_id,
        now=w.now,
    )
    return FeedMade(**_feed(feed).model_dump(), url=f"{w.ctx.public_url}/calendar/{token}.ics")


@router.delete(
    "/calendar-feeds/{feed_id}",
    summary="Revoke one of my feeds; its address stops working at once",
    responses=problems(404),
)
async def revoke_feed(w: Owner, feed_id: PathId) -> Removed:
    await actions.revoke_feed(w.tx, w.actor, feed_id, w.person_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "calendar.feed_revoked", w.now))


@router.get(
    "/schedules/{slug}/calendars",
    summary="List the imported calendars of a schedule and their state",
    responses=problems(404),
)
async def list_schedule_calendars(w: Reader, slug: Text) -> list[ImportShown]:
    schedule = await oncall.by_slug(w.tx, slug)
    return await _imports(w.tx, await actions.imports_of_schedules(w.tx, [schedule.id]), w.now)


@router.post(
    "/schedules/{slug}/calendars",
    status_code=201,
    summary="Import a calendar or public holidays; it is read within seconds",
    responses=problems(404, 409),
)
async def add_schedule_calendar(w: Responder, slug: Text, body: NewImport) -> ImportShown:
    schedule = await oncall.by_slug(w.tx, slug)
    calendar = await actions.add_import(
        w.tx,
        w.actor,
        use=Use(body.use),
        place=body.place,
        schedule_id=schedule.id,
        name=body.name,
        url=body.url,
        text=body.text,
        country=body.country,
        subdivision=body.subdivision,
        users=body.people,
        now=w.now,
    )
    return _import(calendar, 0, w.now)


@router.get("/me/calendars", summary="List my personal calendars")
async def list_my_calendars(w: OwnReader) -> list[ImportShown]:
    return await _imports(w.tx, await actions.imports_of_person(w.tx, w.person_id), w.now)


@router.post("/me/calendars", status_code=201, summary="Add a personal calendar", responses=problems(409))
async def add_my_calendar(w: Owner, body: NewBusy) -> ImportShown:
    calendar = await actions.add_import(
        w.tx,
        w.actor,
        use=Use.BUSY,
        person_id=w.person_id,
        name=body.name,
        url=body.url,
        text=body.text,
        now=w.now,
    )
    return _import(calendar, 0, w.now)


@router.post(
    "/calendars/{calendar_id}/fetch",
    status_code=204,
    summary="Fetch a calendar now instead of within 15 minutes",
    responses=problems(404),
)
async def fetch_calendar(w: Owner, calendar_id: PathId) -> None:
    calendar = await actions.import_for(w.tx, calendar_id, w.person_id, own=_own_only(w.caller))
    await actions.fetch_now(w.tx, calendar.id, w.now)


@router.patch(
    "/calendars/{calendar_id}",
    summary="Move an imported layer above or below the rotations, from now on",
    responses=problems(404),
)
async def place_calendar(w: Responder, calendar_id: PathId, body: Placed) -> ImportShown:
    calendar = await actions.import_for(w.tx, calendar_id, w.person_id)
    placed = await actions.place_import(w.tx, w.actor, calendar, body.place, w.now)
    return (await _imports(w.tx, [placed], w.now))[0]


@router.delete(
    "/calendars/{calendar_id}",
    status_code=204,
    summary="Remove a calendar with its coming shifts; past shifts stay",
    responses=problems(404),
)
async def remove_calendar(w: Owner, calendar_id: PathId) -> None:
    calendar = await actions.import_for(w.tx, calendar_id, w.person_id, own=_own_only(w.caller))
    await actions.remove_import(w.tx, w.actor, calendar, w.now)


@router.get(
    "/oncall/conflicts", summary="List when people will be on call while their calendar says they are busy"
)
async def list_conflicts(w: Reader) -> list[ConflictShown]:
    conflicts = await actions.conflicts(w.tx, w.now)
    return [
        ConflictShown(person_id=c.person_id, schedule=c.schedule, start=c.start, end=c.end) for c in conflicts
    ]


@router.get(
    "/schedules/{slug}/holidays",
    summary="List the public holidays of a schedule between two instants",
    responses=problems(404),
)
async def list_holidays(
    w: Reader,
    slug: Text,
    start: Annotated[Instant, Query(alias="from")],
    end: Annotated[Instant, Query(alias="to")],
) -> list[HolidayShown]:
    if end <= start:
        raise Invalid("The interval is empty.", fields={"to": "Enter a time after `from`."})
    schedule = await oncall.by_slug(w.tx, slug)
    holidays = await actions.holiday_names(w.tx, [schedule.id], start, end)
    return [HolidayShown(start=s.start, end=s.end, name=s.title, people=list(s.users)) for _, s in holidays]
