"""The on-call API: who is on call, shifts, gaps and overrides."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import Query
from pydantic import BeforeValidator, Field

from firebell.kit import undo
from firebell.kit.db.database import Tx
from firebell.kit.errors import Invalid
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
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
from firebell.oncall.checks import queries as check_queries
from firebell.oncall.model import REASON_MAX_CHARS, OverrideKind
from firebell.oncall.rota.shifts import at as on_duty_at
from firebell.oncall.rota.shifts import between, gaps
from firebell.oncall.schedules import actions, queries
from firebell.oncall.schedules.schemas import EditShown, Named, PreviewShown, edit_shown, preview_shown
from firebell.oncall.swaps import override_removal as override_actions
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Reading, Work, reading, work

router = api.router("on-call")

MAX_SHIFTS_INTERVAL = timedelta(days=731)
_INSTANT = timedelta(microseconds=1)
Reader = Annotated[Reading, reading(Verb.SCHEDULE_READ)]
Previewer = Annotated[Work, work(Verb.SCHEDULE_READ)]
Responder = Annotated[Work, work(Verb.OVERRIDE_WRITE)]


class OnCallPerson(ApiOutput):
    """A person on call."""

    id: int
    name: str
    email: str


class OnDutyShown(ApiOutput):
    """Who is on call for one schedule; an empty list is a gap."""

    schedule: str
    name: str
    people: list[OnCallPerson]


class OnCall(ApiOutput):
    """Who is on call at one instant."""

    at: datetime
    schedules: list[OnDutyShown]


class ShiftShown(ApiOutput):
    """The longest interval with the same people on call."""

    start: datetime
    end: datetime
    people: list[Named]


class Shifts(ApiOutput):
    """The shifts that cover the requested interval exactly; `version` rises with every schedule change."""

    schedule: str
    version: int
    shifts: list[ShiftShown]


class Gap(ApiOutput):
    """An interval in which no one is on call."""

    start: datetime
    end: datetime


class NewOverride(ApiInput):
    """A change of who is on call during an interval; it beats all layers.

    `set` replaces everyone on call with these people, `add` adds them, `remove` removes them, and `map` lets
    `person` cover for `instead_of` wherever that person is on call.
    """

    kind: OverrideKind = OverrideKind.SET
    person: Annotated[Name | None, Field(description="ID or email address", examples=["jun@example.org"])] = (
        None
    )
    people: Annotated[
        tuple[Name, ...], Field(max_length=20, description="several people, instead of `person`")
    ] = ()
    instead_of: Annotated[
        Name | None, Field(description="for `map`: ID or email address of the covered person")
    ] = None
    nobody: Annotated[StrictBool, Field(description="for `set`: an intentional gap")] = False
    start: Instant
    end: Instant
    reason: Annotated[Text, Field(max_length=REASON_MAX_CHARS)] = ""


class OverrideCreated(ApiOutput):
    """The ID of a new override, with which it can be removed."""

    id: int
    schedule: str


@router.get("/oncall", summary="List who is on call for every schedule")
async def get_on_call(
    w: Reader, at: Annotated[Instant | None, Query(description="default: now")] = None
) -> OnCall:
    when = at or w.now
    schedules = await queries.schedules(w.tx, since=when, until=when + _INSTANT)
    on_duty = [(schedule, on_duty_at(schedule, when)) for schedule in schedules]
    people_by_id = await people.people_by_id(w.tx, [u for _, users in on_duty for u in users])
    return OnCall(
        at=when,
        schedules=[
            OnDutyShown(
                schedule=schedule.slug,
                name=schedule.name,
                people=[OnCallPerson.model_validate(people_by_id[u]) for u in users],
            )
            for schedule, users in on_duty
        ],
    )


@router.get(
    "/schedules/{slug}/shifts",
    summary="List shifts between two instants at most two years apart",
    responses=problems(404),
)
async def list_shifts(
    w: Reader,
    slug: Text,
    start: Annotated[Instant, Query(alias="from")],
    end: Annotated[Instant, Query(alias="to")],
) -> Shifts:
    if not timedelta() < end - start <= MAX_SHIFTS_INTERVAL:
        raise Invalid(
            "The interval is empty or too long.",
            fields={"to": "Use a time after `from`, at most two years later."},
        )
    schedule = await queries.by_slug(w.tx, slug, since=start, until=end)
    shifts = between(schedule, start, end)
    people_by_id = await people.people_by_id(w.tx, list({u for s in shifts for u in s.users}))
    named = {p.id: Named(id=p.id, name=p.name) for p in people_by_id.values()}
    return Shifts(
        schedule=slug,
        version=schedule.version,
        shifts=[ShiftShown(start=s.start, end=s.end, people=[named[u] for u in s.users]) for s in shifts],
    )


@router.get(
    "/schedules/{slug}/gaps",
    summary="List coverage gaps in the next days",
    responses=problems(404),
)
async def list_gaps(
    w: Reader,
    slug: Text,
    days: Annotated[int, Field(ge=1, le=400), BeforeValidator(check_digits), Query()] = 28,
) -> list[Gap]:
    until = w.now + timedelta(days=days)
    schedule = await queries.by_slug(w.tx, slug, since=w.now, until=until)
    return [Gap(start=start, end=end) for start, end in gaps(schedule, w.now, until)]


@router.get(
    "/schedules/{slug}/overrides",
    summary="List current and upcoming overrides, newest first",
    responses=problems(404),
)
async def list_overrides(
    w: Reader,
    slug: Text,
    page: PageParams,
    which: Annotated[Literal["coming", "all"], Query(description="`all` includes past overrides")] = "coming",
) -> list[EditShown]:
    schedule = await queries.by_slug(w.tx, slug, since=w.now if which == "coming" else None)
    # imported calendar shifts are changed in their calendar, so they are not listed
    overrides = [e for e in schedule.overrides if not e.import_key]
    return [edit_shown(e) for e in page.newest(overrides, [e.id for e in overrides])]


def _check_people(body: NewOverride, people_refs: Sequence[str]) -> None:
    """Raise Invalid when the people do not fit the kind of override; looks nobody up."""
    if body.nobody and (people_refs or body.kind is not OverrideKind.SET):
        raise Invalid(
            "`nobody` only works with kind `set` and no people.",
            fields={"nobody": "Remove the people and use kind `set`."},
        )
    if not people_refs and not body.nobody:
        raise Invalid(
            "The override names no one.", fields={"person": "Name a person, or use `nobody` with kind `set`."}
        )
    if (body.kind is OverrideKind.MAP) != (body.instead_of is not None):
        raise Invalid(
            "`instead_of` and kind `map` only work together.", fields={"instead_of": "Use both or neither."}
        )
    if body.kind is OverrideKind.MAP and len(people_refs) > 1:
        raise Invalid(
            "Only one person can cover for another.", fields={"people": "Name one person, or use kind `set`."}
        )


async def _override_args(tx: Tx, body: NewOverride) -> dict[str, Any]:
    """Return the arguments of `actions.create_override`, with people by id; raise `Invalid`."""
    people_refs = (*([body.person] if body.person else []), *body.people)
    _check_people(body, people_refs)
    users = [await queries.person_id(tx, ref) for ref in people_refs]
    mapping = {await queries.person_id(tx, body.instead_of): users[0]} if body.instead_of else {}
    if mapping and users[0] in mapping:
        raise Invalid("The override replaces no one.", fields={"instead_of": "Name someone else."})
    return {
        "kind": body.kind,
        "users": () if mapping else users,
        "mapping": mapping,
        "start": body.start,
        "end": body.end,
    }


@router.post(
    "/schedules/{slug}/overrides",
    status_code=201,
    summary="Create an override",
    responses=problems(404),
)
async def create_override(w: Responder, slug: Text, body: NewOverride) -> OverrideCreated:
    schedule = await queries.by_slug(w.tx, slug)
    override_id = await actions.create_override(
        w.tx,
        w.actor,
        schedule_id=schedule.id,
        **await _override_args(w.tx, body),
        reason=body.reason,
        now=w.now,
    )
    return OverrideCreated(id=override_id, schedule=slug)


@router.post(
    "/schedules/{slug}/overrides/preview",
    summary="Preview an override without saving it",
    responses=problems(404),
)
async def preview_override(w: Previewer, slug: Text, body: NewOverride) -> PreviewShown:
    old = await queries.by_slug(w.tx, slug)
    new = await actions.overridden(w.tx, old, **await _override_args(w.tx, body), now=w.now)
    return preview_shown(await check_queries.preview_of(w.tx, old, new, w.now), await people.people(w.tx))


@router.delete(
    "/overrides/{edit_id}",
    summary="Remove an override; one that has started ends now",
    responses=problems(404),
)
async def remove_override(w: Responder, edit_id: PathId) -> Removed:
    await override_actions.remove_override(w.tx, w.actor, edit_id, w.now)
    return removed(await undo.offer(w.tx, w.ctx.signer, w.actor, "schedule.override_removed", w.now))
