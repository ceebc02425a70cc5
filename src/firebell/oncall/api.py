"""On-call over JSON."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import Query
from pydantic import BeforeValidator, ConfigDict, Field

from firebell.kit import api
from firebell.kit.api import (
    Ctx,
    Given,
    Id,
    Instant,
    Name,
    PathId,
    Shown,
    Stretch,
    Text,
    Wall,
    Whole,
    Zone,
    problems,
    whole,
)
from firebell.kit.errors import Invalid
from firebell.oncall import actions
from firebell.oncall.model import Edit, EditKind, Layer, Schedule, Unit, Window
from firebell.oncall.shifts import at as on_duty_at
from firebell.oncall.shifts import duty, gaps
from firebell.people import actions as people
from firebell.people.access import Caller, may

router = api.router("on-call")

LONGEST = timedelta(days=731)
Reader = Annotated[Caller, may("oncall:read")]
Responder = Annotated[Caller, may("oncall:write")]


class OnCallPerson(Shown):
    """Somebody on duty."""

    id: int
    name: str
    email: str


class OnDutyShown(Shown):
    """Who answers one schedule; nobody is a gap."""

    schedule: str
    name: str
    people: list[OnCallPerson]


class OnCall(Shown):
    """Who is on call at one instant."""

    at: datetime
    schedules: list[OnDutyShown]


class Named(Shown):
    """A person by id and name."""

    id: int
    name: str


class ShiftShown(Shown):
    """A longest stretch with the same people on duty."""

    start: datetime
    end: datetime
    people: list[Named]


class Shifts(Shown):
    """The shifts that cover the stretch exactly; `version` rises with every change of the schedule."""

    schedule: str
    version: int
    shifts: list[ShiftShown]


class Gap(Shown):
    """A stretch in which nobody is on duty."""

    start: datetime
    end: datetime


class WindowGiven(Given):
    """Opens at local minute `start` of the day, on weekdays `days` (0 is Monday), for `minutes`."""

    start: Annotated[Whole, Field(ge=0, le=1439)]
    minutes: Annotated[Whole, Field(ge=1, le=10080)]
    days: Annotated[list[Annotated[Whole, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]


class LayerGiven(Given):
    """One rotation: `slots` take turns of `every` `unit`s from `anchor` on; an empty slot is transparent."""

    name: Annotated[Text, Field(max_length=80)] = ""
    slots: Annotated[list[Annotated[list[Id], Field(max_length=20)]], Field(min_length=1, max_length=500)]
    anchor: Wall
    unit: Unit = Unit.WEEK
    every: Annotated[Whole, Field(ge=1, le=actions.LONGEST_TURN)] = 1
    tz: Zone
    windows: Annotated[tuple[WindowGiven, ...], Field(max_length=50)] = ()
    start: Instant | None = None
    end: Instant | None = None
    offset: Annotated[Whole, Field(ge=0, le=500)] = 0


class LayerShown(LayerGiven):
    """A layer as it is stored."""

    id: int
    anchor: Annotated[str, Field(examples=["2026-11-23T09:00:00"])]  # type: ignore[assignment]
    start: datetime | None
    end: datetime | None


class NewSchedule(Given):
    """A schedule with its layers from low to high; a higher one covers the lower."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "Payments primary",
                    "team_id": 1,
                    "tz": "Europe/Berlin",
                    "layers": [
                        {
                            "name": "Weekly",
                            "slots": [[1], [2]],
                            "anchor": "2026-11-23T09:00",
                            "unit": "week",
                            "tz": "Europe/Berlin",
                        }
                    ],
                }
            ]
        }
    )

    name: Name
    team_id: Id
    tz: Zone
    layers: Annotated[list[LayerGiven], Field(min_length=1, max_length=20)]


class EditShown(Shown):
    """A change of duty on `[start, end)`: set, add, remove or map people."""

    id: int
    kind: EditKind
    start: datetime
    end: datetime
    people: list[int]
    mapping: dict[str, int]
    reason: str


class ScheduleShown(Shown):
    """A schedule; `version` rises with every change."""

    id: int
    slug: str
    name: str
    tz: str
    team_id: int
    version: int


class ScheduleDetail(ScheduleShown):
    """A schedule with its layers from low to high and its edits in the order in which they act."""

    layers: list[LayerShown]
    edits: list[EditShown]


class NewOverride(Given):
    """Somebody on duty for a while, whatever the layers say."""

    person: Annotated[Name, Field(description="id or e-mail address", examples=["jun@example.org"])]
    start: Instant
    end: Instant
    reason: Annotated[Text, Field(max_length=500)] = ""


class OverrideMade(Shown):
    """The override's id, to take it away again."""

    id: int
    schedule: str


def _edit(found: Edit) -> EditShown:
    return EditShown(
        id=int(found.id),
        kind=found.kind,
        start=found.start,
        end=found.end,
        people=[int(u) for u in found.users],
        mapping={str(old): int(new) for old, new in found.mapping.items()},
        reason=found.reason,
    )


def _layer(found: Layer) -> LayerShown:
    return LayerShown.model_validate(
        {
            "id": found.id,
            "name": found.name,
            "slots": [list(slot) for slot in found.slots],
            "anchor": found.anchor.isoformat(),
            "unit": found.unit,
            "every": found.every,
            "tz": found.tz,
            "windows": [
                {"start": w.start, "minutes": w.minutes, "days": sorted(w.days)} for w in found.windows
            ],
            "start": found.start,
            "end": found.end,
            "offset": found.offset,
        }
    )


def _schedule(found: Schedule) -> ScheduleShown:
    return ScheduleShown.model_validate(found)


def _detail(found: Schedule) -> ScheduleDetail:
    return ScheduleDetail(
        **_schedule(found).model_dump(),
        layers=[_layer(layer) for layer in found.layers],
        edits=[_edit(edit) for edit in found.edits if isinstance(edit.id, int)],
    )


@router.get("/oncall", summary="Who is on call, on every schedule")
async def get_on_call(
    ctx: Ctx, caller: Reader, at: Annotated[Instant | None, Query(description="default: now")] = None
) -> OnCall:
    when = at or ctx.clock.now()
    async with ctx.db.tx() as tx:
        schedules = await actions.schedules(tx)
        names = {p.id: OnCallPerson(id=p.id, name=p.name, email=p.email) for p in await people.people(tx)}
    return OnCall(
        at=when,
        schedules=[
            OnDutyShown(schedule=s.slug, name=s.name, people=[names[int(u)] for u in on_duty_at(s, when)])
            for s in schedules
        ],
    )


@router.get("/schedules", summary="Every schedule, the newest first")
async def list_schedules(ctx: Ctx, caller: Reader, stretch: Stretch) -> list[ScheduleShown]:
    async with ctx.db.tx() as tx:
        found = await actions.schedules(tx)
    return [_schedule(s) for s in stretch.newest(found, [int(s.id) for s in found])]


@router.post("/schedules", status_code=201, summary="Add a schedule", responses=problems(404, 409))
async def create_schedule(ctx: Ctx, caller: Responder, given: NewSchedule) -> ScheduleDetail:
    layers = [
        Layer(
            id=0,
            name=layer.name,
            slots=tuple(tuple(slot) for slot in layer.slots),
            anchor=layer.anchor,
            unit=layer.unit,
            every=layer.every,
            tz=layer.tz,
            windows=tuple(Window(w.start, w.minutes, frozenset(w.days)) for w in layer.windows),
            start=layer.start,
            end=layer.end,
            offset=layer.offset,
        )
        for layer in given.layers
    ]
    async with ctx.db.tx() as tx:
        made = await actions.create_schedule(
            tx,
            caller.actor,
            name=given.name,
            team_id=given.team_id,
            tz=given.tz,
            layers=layers,
            now=ctx.clock.now(),
        )
    return _detail(made)


@router.get("/schedules/{slug}", summary="One schedule with its layers and edits", responses=problems(404))
async def get_schedule(ctx: Ctx, caller: Reader, slug: Text) -> ScheduleDetail:
    async with ctx.db.tx() as tx:
        return _detail(await actions.by_slug(tx, slug))


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
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        names = {p.id: Named(id=p.id, name=p.name) for p in await people.people(tx)}
    runs = duty(found, start, end)
    shifts = [ShiftShown(start=r.start, end=r.end, people=[names[int(u)] for u in r.users]) for r in runs]
    return Shifts(schedule=slug, version=found.version, shifts=shifts)


@router.get(
    "/schedules/{slug}/gaps",
    summary="When nobody is on call, in the days ahead",
    responses=problems(404),
)
async def list_gaps(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    days: Annotated[int, BeforeValidator(whole), Query(ge=1, le=400)] = 28,
) -> list[Gap]:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
    return [Gap(start=a, end=b) for a, b in gaps(found, now, now + timedelta(days=days))]


@router.get(
    "/schedules/{slug}/overrides",
    summary="The overrides that are not over yet, the newest first",
    responses=problems(404),
)
async def list_overrides(
    ctx: Ctx,
    caller: Reader,
    slug: Text,
    stretch: Stretch,
    which: Annotated[Literal["coming", "all"], Query(description="all: those that are over too")] = "coming",
) -> list[EditShown]:
    now = ctx.clock.now()
    async with ctx.db.tx() as tx:
        edits = (await actions.by_slug(tx, slug)).edits
    # what calendars of others say is changed there, and is not listed
    found = [e for e in edits if isinstance(e.id, int) and (which == "all" or e.end > now)]
    return [_edit(e) for e in stretch.newest(found, [int(e.id) for e in found])]


@router.post(
    "/schedules/{slug}/overrides",
    status_code=201,
    summary="Put somebody on call for a while",
    responses=problems(404),
)
async def create_override(ctx: Ctx, caller: Responder, slug: Text, given: NewOverride) -> OverrideMade:
    async with ctx.db.tx() as tx:
        found = await actions.by_slug(tx, slug)
        known = {p.email: p.id for p in await people.people(tx)}
        word = given.person.strip().lower()
        user = int(word) if word.isdecimal() and len(word) < 19 else known.get(word, 0)
        made = await actions.add_override(
            tx,
            caller.actor,
            schedule_id=int(found.id),
            users=[user],
            start=given.start,
            end=given.end,
            reason=given.reason,
            now=ctx.clock.now(),
        )
    return OverrideMade(id=made, schedule=slug)


@router.delete(
    "/overrides/{edit_id}", status_code=204, summary="Take an override away", responses=problems(404)
)
async def remove_override(ctx: Ctx, caller: Responder, edit_id: PathId) -> None:
    async with ctx.db.tx() as tx:
        await actions.remove_edit(tx, caller.actor, edit_id, ctx.clock.now())
