"""What the API takes and shows of schedules."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from firebell.kit.api import (
    ApiInput,
    ApiOutput,
    Id,
    Instant,
    LocalDateTime,
    Name,
    ShortName,
    StrictInt,
    Text,
    TimeZone,
)
from firebell.oncall.checks.rules import Finding
from firebell.oncall.model import (
    LONGEST_NAME,
    LONGEST_TURN,
    Layer,
    Override,
    OverrideKind,
    Schedule,
    Unit,
    User,
    Window,
)
from firebell.oncall.schedules.preview import Preview
from firebell.people.model import Person


class Named(ApiOutput):
    """A person by id and name."""

    id: int
    name: str


class WindowGiven(ApiInput):
    """Opens at local minute `start` of the day, on weekdays `days` (0 is Monday), for `minutes`."""

    start: Annotated[StrictInt, Field(ge=0, le=1439)]
    minutes: Annotated[StrictInt, Field(ge=1, le=10080)]
    days: Annotated[list[Annotated[StrictInt, Field(ge=0, le=6)]], Field(min_length=1, max_length=7)]


class LayerGiven(ApiInput):
    """One rotation: `slots` take turns of `every` `unit`s from `anchor` on; an empty slot is transparent."""

    name: Annotated[Text, Field(max_length=LONGEST_NAME)] = ""
    slots: Annotated[list[Annotated[list[Id], Field(max_length=20)]], Field(min_length=1, max_length=500)]
    anchor: LocalDateTime
    unit: Unit = Unit.WEEK
    every: Annotated[StrictInt, Field(ge=1, le=LONGEST_TURN)] = 1
    tz: TimeZone
    windows: Annotated[tuple[WindowGiven, ...], Field(max_length=50)] = ()
    start: Instant | None = None
    end: Instant | None = None
    offset: Annotated[StrictInt, Field(ge=0, le=500)] = 0


class EditedLayer(LayerGiven):
    """A layer as it shall be: with the `id` of the one that it replaces, without one it is new."""

    id: Id | None = None


class LayerShown(LayerGiven):
    """A layer as it is stored."""

    id: int
    anchor: Annotated[str, Field(examples=["2026-11-23T09:00:00"])]  # type: ignore[assignment]
    start: datetime | None
    end: datetime | None


class NewSchedule(ApiInput):
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

    name: ShortName
    team_id: Id
    tz: TimeZone
    layers: Annotated[list[LayerGiven], Field(min_length=1, max_length=20)]


class EditedLayers(ApiInput):
    """All layers from low to high as they hold from `at` on (default now); before, all stays as it was.

    A layer that is left out ends. With `version` it is refused when somebody changed the schedule since.
    """

    layers: Annotated[list[EditedLayer], Field(max_length=20)]
    at: Instant | None = None
    version: Annotated[StrictInt, Field(ge=1)] | None = None


class ScheduleChange(ApiInput):
    """What changes of a schedule's head; what is left out stays."""

    name: ShortName | None = None
    team_id: Id | None = None
    tz: TimeZone | None = None


class Joining(ApiInput):
    """Somebody takes turns on a layer from `at` on (default now), at a place of the order or as the last."""

    person: Annotated[Name, Field(description="id or e-mail address")]
    layer_id: Id
    place: Annotated[StrictInt, Field(ge=0, le=500)] | None = None
    at: Instant | None = None


class Leaving(ApiInput):
    """Somebody leaves every layer from `at` on (default now)."""

    person: Annotated[Name, Field(description="id or e-mail address")]
    at: Instant | None = None


class NewShadow(ApiInput):
    """Somebody who learns: gets copies of what goes to `of`, or to whoever is on duty."""

    person: Annotated[Name, Field(description="id or e-mail address")]
    of: Annotated[Name | None, Field(description="id or e-mail address; default whoever is on duty")] = None
    start: Instant
    end: Instant | None = None


class FixShown(ApiOutput):
    """What repairs a finding: override, leave, remove, contact, offset, ask, take, seen, calendars or edit."""

    verb: str
    label: str
    args: dict[str, Any]


class FindingShown(ApiOutput):
    """A fault; its `id` stays the same while the fault is the same."""

    id: str
    code: str
    level: str
    message: str
    start: datetime | None
    end: datetime | None
    people: list[int]
    fix: FixShown | None


class ChangeShown(ApiOutput):
    """Where duty would differ."""

    start: datetime
    end: datetime
    before: list[Named]
    after: list[Named]


class HoursShown(ApiOutput):
    """How many hours a person would gain (more than 0) or lose."""

    person: Named
    hours: float


class StretchShown(ApiOutput):
    """A stretch of time."""

    start: datetime
    end: datetime


class PreviewShown(ApiOutput):
    """What saving would change: duty within 90 days, gaps within 400, findings within 28."""

    changes: list[ChangeShown]
    hours: list[HoursShown]
    new_gaps: list[StretchShown]
    closed_gaps: list[StretchShown]
    new_findings: list[FindingShown]
    fixed_findings: list[FindingShown]


class EditShown(ApiOutput):
    """A change of duty on `[start, end)`: set, add, remove or map people."""

    id: int
    kind: OverrideKind
    source: str
    start: datetime
    end: datetime
    people: list[int]
    mapping: dict[str, int]
    reason: str


class ShadowShown(ApiOutput):
    """Somebody who learns and gets copies of what goes to `of`, or to whoever is on duty."""

    id: int
    user: int
    of: int | None
    start: datetime
    end: datetime | None


class ScheduleShown(ApiOutput):
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
    shadows: list[ShadowShown]


def edit_shown(found: Override) -> EditShown:
    """Return an edit as the API shows it."""
    return EditShown(
        id=int(found.id),
        kind=found.kind,
        source=found.source,
        start=found.start,
        end=found.end,
        people=[int(u) for u in found.users],
        mapping={str(old): int(new) for old, new in found.mapping.items()},
        reason=found.reason,
    )


def layer_shown(found: Layer) -> LayerShown:
    """Return a layer as the API shows it."""
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


def finding_shown(found: Finding) -> FindingShown:
    """Return a finding as the API shows it."""
    fix = (
        FixShown(verb=found.fix.verb, label=found.fix.label, args=dict(found.fix.args)) if found.fix else None
    )
    return FindingShown(
        id=found.id,
        code=found.code,
        level=found.level,
        message=found.message,
        start=found.start,
        end=found.end,
        people=[int(u) for u in found.users],
        fix=fix,
    )


def layer_given(layer: LayerGiven, layer_id: int = 0) -> Layer:
    """Return a layer as the domain has it."""
    return Layer(
        id=layer_id,
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


def layers_given(given: EditedLayers) -> list[Layer]:
    """Return the layers of an edit, each with the id of what it replaces."""
    return [layer_given(layer, layer.id or 0) for layer in given.layers]


def schedule_shown(found: Schedule) -> ScheduleShown:
    """Return a schedule's head as the API shows it."""
    return ScheduleShown.model_validate(found)


def detail_shown(found: Schedule) -> ScheduleDetail:
    """Return a whole schedule as the API shows it."""
    return ScheduleDetail(
        **schedule_shown(found).model_dump(),
        layers=[layer_shown(layer) for layer in found.layers],
        edits=[edit_shown(edit) for edit in found.edits if isinstance(edit.id, int)],
        shadows=[ShadowShown.model_validate(shadow) for shadow in found.shadows],
    )


def preview_shown(seen: Preview, people: Sequence[Person]) -> PreviewShown:
    """Return a preview as JSON shows it, with the names of its people."""
    names = {p.id: Named(id=p.id, name=p.name) for p in people}

    def named(users: Sequence[User]) -> list[Named]:
        return [names[int(u)] for u in users]

    return PreviewShown(
        changes=[
            ChangeShown(start=a, end=b, before=named(was), after=named(will))
            for a, b, was, will in seen.changes
        ],
        hours=[HoursShown(person=names[int(u)], hours=h) for u, h in seen.hours.items()],
        new_gaps=[StretchShown(start=a, end=b) for a, b in seen.new_gaps],
        closed_gaps=[StretchShown(start=a, end=b) for a, b in seen.closed_gaps],
        new_findings=[finding_shown(f) for f in seen.new_findings],
        fixed_findings=[finding_shown(f) for f in seen.fixed_findings],
    )
