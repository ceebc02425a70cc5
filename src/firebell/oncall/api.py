"""On-call over JSON."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BeforeValidator, Field

from firebell.kit import api, undo
from firebell.kit.api import (
    ApiInput,
    ApiOutput,
    Ctx,
    Instant,
    Name,
    PageParams,
    PathId,
    Removed,
    StrictBool,
    Text,
    check_digits,
    problems,
    removed,
)
from firebell.kit.db import Tx
from firebell.kit.errors import Invalid
from firebell.oncall import actions, queries
from firebell.oncall.model import OverrideKind
from firebell.oncall.rota.shifts import at as on_duty_at
from firebell.oncall.rota.shifts import between, gaps
from firebell.oncall.schedules.schemas import EditShown, Named, PreviewShown, edit_shown, preview_shown
from firebell.people import actions as people
from firebell.people.access import Caller, may
from firebell.people.permissions import Verb

router = api.router("on-call")

LONGEST = timedelta(days=731)
INSTANT = timedelta(microseconds=1)
Reader = Annotated[Caller, may(Verb.SCHEDULE_READ)]
Responder = Annotated[Caller, may(Verb.OVERRIDE_WRITE)]


class OnCallPerson(ApiOutput):
    """Somebody on duty."""

    id: int
    name: str
    email: str


class OnDutyShown(ApiOutput):
    """Who answers one schedule; nobody is a gap."""

    schedule: str
    name: str
    people: list[OnCallPerson]


class OnCall(ApiOutput):
    """Who is on call at one instant."""

    at: datetime
    schedules: list[OnDutyShown]


class ShiftShown(ApiOutput):
    """A longest stretch with the same people on duty."""

    start: datetime
    end: datetime
    people: list[Named]


class Shifts(ApiOutput):
    """The shifts that cover the stretch exactly; `version` rises with every change of the schedule."""

    schedule: str
    version: int
    shifts: list[ShiftShown]


class Gap(ApiOutput):
    """A stretch in which nobody is on duty."""

    start: datetime
    end: datetime


class NewOverride(ApiInput):
    """A change of duty for a while, whatever the layers say.

    `set` puts the people on duty alone, `add` beside whoever is, `remove` takes them off, `map` lets `person`
    stand in for `instead_of` where they are on duty.
    """

    kind: OverrideKind = OverrideKind.SET
    person: Annotated[
        Name | None, Field(description="id or e-mail address", examples=["jun@example.org"])
    ] = None
    people: Annotated[tuple[Name, ...], Field(max_length=20, description="more than one person")] = ()
    instead_of: Annotated[Name | None, Field(description="for `map`: id or e-mail address")] = None
    nobody: Annotated[StrictBool, Field(description="for `set`: nobody is on duty, on purpose")] = False
    start: Instant
    end: Instant
    reason: Annotated[Text, Field(max_length=500)] = ""


class OverrideMade(ApiOutput):
    """The override's id, to take it away again."""

    id: int
    schedule: str


@router.get("/oncall", summary="Who is on call, on every schedule")
async def get_on_call(
    ctx: Ctx, caller: Reader, at: Annotated[Instant | None, Query(description="default: now")] = None
) -> OnCall:
    when = at or ctx.clock.now()
    async with ctx.db.reads() as tx:
        schedules = await actions.schedules(tx, since=when, until=when + INSTANT)
        on_duty = [(schedule, [int(u) for u in on_duty_at(schedule, when)]) for schedule in schedules]
        persons = await people.people_by_id(tx, [u for _, users in on_duty for u in users])
    return OnCall(
        at=when,
        schedules=[
            OnDutyShown(
                schedule=schedule.slug,
                name=schedule.name,
                people=[OnCallPerson.model_validate(persons[u]) for u in users],
            )
            for schedule, users in on_duty
        ],
    )


@router.get(
    "/schedules/{slug}/shifts",
    summary="Who is on call when, between two instants at most two years apart",
    responses=problems(404),
)
async def list_shifts(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    start: Annotated[Instant, Query(alias="from")],
    end: Annotated[Instant, Query(alias="to")],
) -> Shifts:
    if not timedelta() < end - start <= LONGEST:
        raise Invalid("The stretch is empty or too long.", fields={"to": "After `from`, at most two years."})
    async with ctx.db.reads() as tx:
        schedule = await actions.by_slug(tx, slug, since=start, until=end)
        runs = between(schedule, start, end)
        persons = await people.people_by_id(tx, list({int(u) for r in runs for u in r.users}))
    names = {p.id: Named(id=p.id, name=p.name) for p in persons.values()}
    shifts = [ShiftShown(start=r.start, end=r.end, people=[names[int(u)] for u in r.users]) for r in runs]
    return Shifts(schedule=slug, version=schedule.version, shifts=shifts)


@router.get(
    "/schedules/{slug}/gaps",
    summary="When nobody is on call, in the days ahead",
    responses=problems(404),
)
async def list_gaps(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    days: Annotated[int, Field(ge=1, le=400), BeforeValidator(check_digits), Query()] = 28,
) -> list[Gap]:
    now = ctx.clock.now()
    until = now + timedelta(days=days)
    async with ctx.db.reads() as tx:
        schedule = await actions.by_slug(tx, slug, since=now, until=until)
    return [Gap(start=a, end=b) for a, b in gaps(schedule, now, until)]


@router.get(
    "/schedules/{slug}/overrides",
    summary="The overrides that are not over yet, the newest first",
    responses=problems(404),
)
async def list_overrides(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    stretch: PageParams,
    which: Annotated[Literal["coming", "all"], Query(description="all: those that are over too")] = "coming",
) -> list[EditShown]:
    now = ctx.clock.now()
    async with ctx.db.reads() as tx:
        schedule = await actions.by_slug(tx, slug, since=now if which == "coming" else None)
    # what calendars of others say is changed there, and is not listed
    overrides = [e for e in schedule.edits if isinstance(e.id, int)]
    return [edit_shown(e) for e in stretch.newest(overrides, [int(e.id) for e in overrides])]


def _check_words(given: NewOverride, words: Sequence[str]) -> None:
    """Refuse what a kind of override cannot mean, before anybody is looked up."""
    if given.nobody and (words or given.kind is not OverrideKind.SET):
        raise Invalid("`nobody` goes with `set` alone.", fields={"nobody": "Name no person, and `set`."})
    if not words and not given.nobody:
        raise Invalid("Nobody is named.", fields={"person": "Give a person, or `nobody` with `set`."})
    if (given.kind is OverrideKind.MAP) != (given.instead_of is not None):
        raise Invalid("`instead_of` goes with `map`.", fields={"instead_of": "Give both or neither."})
    if given.kind is OverrideKind.MAP and len(words) > 1:
        raise Invalid("One person stands in for one.", fields={"people": "Name one, or use `set`."})


async def _edit(tx: Tx, given: NewOverride) -> dict[str, Any]:
    """Return the override that is given, with its people by their ids; raise `Invalid`."""
    words = (*([given.person] if given.person else []), *given.people)
    _check_words(given, words)
    users = [await queries.person_id(tx, word) for word in words]
    mapping = {await queries.person_id(tx, given.instead_of): users[0]} if given.instead_of else {}
    if mapping and users[0] in mapping:
        raise Invalid("Nobody is replaced.", fields={"instead_of": "Name somebody else."})
    return {
        "kind": given.kind,
        "users": () if mapping else users,
        "mapping": mapping,
        "start": given.start,
        "end": given.end,
    }


@router.post(
    "/schedules/{slug}/overrides",
    status_code=201,
    summary="Put somebody on call for a while",
    responses=problems(404),
)
async def create_override(ctx: Ctx, caller: Responder, slug: Text, given: NewOverride) -> OverrideMade:
    async with ctx.db.tx() as tx:
        schedule = await actions.by_slug(tx, slug)
        made = await actions.add_edit(
            tx,
            caller.actor,
            schedule_id=int(schedule.id),
            **await _edit(tx, given),
            reason=given.reason,
            now=ctx.clock.now(),
        )
    return OverrideMade(id=made, schedule=slug)


@router.post(
    "/schedules/{slug}/overrides/preview",
    summary="What an override would do, without doing it",
    responses=problems(404),
)
async def preview_override(ctx: Ctx, caller: Reader, slug: Text, given: NewOverride) -> PreviewShown:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        old = await actions.by_slug(tx, slug)
        new = await actions.overridden(tx, old, **await _edit(tx, given), now=now)
        return preview_shown(await queries.previewed(tx, old, new, now), await people.people(tx))


@router.delete(
    "/overrides/{edit_id}",
    summary="Take an override away; one that has begun ends now",
    responses=problems(404),
)
async def remove_override(ctx: Ctx, caller: Responder, edit_id: PathId) -> Removed:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        await actions.remove_edit(tx, caller.actor, edit_id, now)
        return removed(await undo.offer(tx, ctx.signer, caller.actor, "schedule.override_removed", now))
